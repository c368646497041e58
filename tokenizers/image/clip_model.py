"""CLIP models of open_clip: embed images and texts in one vector space (https://arxiv.org/abs/2103.00020).

Weights are safetensors from a file or a folder.
"""

import logging
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...schemas.errors import Refusal, brief
from ...schemas.identity import file_fingerprint, fingerprint
from ..local_copy import local_copy

Vectors = npt.NDArray[np.float32]

CONFIG = "open_clip_config.json"
WEIGHTS = ("open_clip_model.safetensors", "model.safetensors")
TOKENIZER = ("tokenizer*", "special_tokens_map.json", "vocab*", "merges.txt")  # of models without CLIP's tokenizer
BATCH = 32  # images or texts in one pass through the model


class ClipFiles(NamedTuple):
    """The files of a model and its name in open_clip."""

    name: str  # an architecture, or `local-dir:` and a folder with its own config
    weights: Path
    fingerprint: str  # of architecture, weights and tokenizer, independent of their location


@lru_cache(maxsize=4)
def find_clip(architecture: str, path: str) -> ClipFiles:
    """Locate the files of a model and fingerprint them, once per process.

    Args:
        architecture: Name of an open_clip architecture; not used for a folder with open_clip_config.json.
        path: A weights file, a folder, an fsspec URL of one, or a hub name (owner/name), which is downloaded.

    Raises:
        Refusal: Files are missing or only pickled.
    """
    place = local_copy(path)
    if not place.exists():
        place = _download(path)
    weights = _weights_in(place, path) if place.is_dir() else place
    if weights.suffix != ".safetensors":
        raise Refusal(
            f"{path}: is not a safetensors file; pickles can run code when loaded. Save the weights as {WEIGHTS[0]}."
        )
    name, files = architecture, [weights]
    if (place / CONFIG).is_file():
        name = f"local-dir:{place}"
        files += [place / CONFIG, *(file for pattern in TOKENIZER for file in sorted(place.glob(pattern)))]
    identity = name.partition(":")[0]
    return ClipFiles(name, weights, fingerprint("clip", identity, [file_fingerprint(str(file)) for file in files]))


@lru_cache(maxsize=1)
def load_clip(architecture: str, path: str, threads: int = 1) -> "ClipModel":
    """Load a model, which is kept for the process; arguments and errors are those of ClipModel."""
    return ClipModel(architecture, path, threads)


class ClipModel:
    """An open_clip model.

    Embeddings depend on the number of threads and, in their last bits, on the batch size, so both are fixed here.

    Raises:
        Refusal: Files are missing, are pickles, or belong to another architecture.
    """

    def __init__(self, architecture: str, path: str, threads: int = 1) -> None:
        import torch

        self._files = find_clip(architecture, path)
        self._threads = threads
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = _loaded(self._files, path).to(self._device).eval()
        self.fingerprint = self._files.fingerprint
        self.pixels = int(np.max(self._model.visual.preprocess_cfg["size"]))  # side of the model's square input

    def embed_images(self, pictures: Sequence[Any]) -> Vectors:
        """Embed images as unit vectors.

        Args:
            pictures: PIL images or (height, width, 3) uint8 RGB arrays, of any size.

        Returns:
            (n, width) vectors.
        """
        import torch

        def encode(batch: Sequence[Any]) -> Any:
            images = torch.stack([self._prepare(_image(picture)) for picture in batch])
            return self._model.encode_image(images.to(self._device))

        return self._embed(encode, pictures)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Embed texts as (n, width) unit vectors; texts are truncated to the model's context length."""

        def encode(batch: Sequence[str]) -> Any:
            return self._model.encode_text(self._tokenize(list(batch)).to(self._device))

        return self._embed(encode, texts)

    def _embed(self, encode: Callable[[Sequence[Any]], Any], values: Sequence[Any]) -> Vectors:
        import torch

        torch.set_num_threads(self._threads)
        parts = [np.zeros((0, self.width), np.float32)]
        with torch.inference_mode():
            for start in range(0, len(values), BATCH):
                vectors = encode(values[start : start + BATCH]).float()
                parts.append(torch.nn.functional.normalize(vectors, dim=-1).cpu().numpy())
        return np.concatenate(parts)

    @cached_property
    def width(self) -> int:
        """Dimension of the vectors."""
        import torch

        with torch.inference_mode():
            blank = torch.zeros(1, 3, self.pixels, self.pixels, device=self._device)
            return int(self._model.encode_image(blank).shape[-1])

    @cached_property
    def _prepare(self) -> Any:
        from open_clip.transform import PreprocessCfg, image_transform_v2

        return image_transform_v2(PreprocessCfg(**self._model.visual.preprocess_cfg), is_train=False)

    @cached_property
    def _tokenize(self) -> Any:
        import open_clip

        try:
            return open_clip.get_tokenizer(self._files.name)
        except Exception as error:
            raise Refusal(
                f"{self._files.name}: its tokenizer cannot be loaded ({type(error).__name__}). "
                f"Give a folder that holds {CONFIG} and the tokenizer's files."
            ) from None


def _loaded(files: ClipFiles, path: str) -> Any:
    import open_clip

    if not files.name.startswith("local-dir:") and files.name not in open_clip.list_models():
        raise Refusal(f"{files.name}: is not an open_clip architecture, such as ViT-B-32. Check `model`.")
    logging.disable(logging.WARNING)  # about random weights, which are replaced immediately
    try:
        model = open_clip.create_model(files.name, load_weights=False, pretrained_text=False)
        open_clip.load_checkpoint(model, str(files.weights))
    except Exception as error:
        why = brief(error, 200)
        raise Refusal(
            f"{path}: does not load as {files.name} ({type(error).__name__}: {why}). Check `model` and `path`."
        ) from None
    finally:
        logging.disable(logging.NOTSET)
    return model


def _image(picture: Any) -> Any:
    from PIL import Image

    return Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture


def _weights_in(folder: Path, path: str) -> Path:
    files = [folder / name for name in WEIGHTS if (folder / name).is_file()] or sorted(folder.glob("*.safetensors"))
    if files:
        return files[0]
    pickles = sorted(file.name for file in folder.iterdir() if file.suffix in {".bin", ".pt", ".pth", ".ckpt"})
    why = f"only pickled weights ({pickles[0]}), which can run code when loaded" if pickles else "no weights"
    raise Refusal(f"{path}: holds {why}. Give a model saved as {WEIGHTS[0]}.")


def _download(path: str) -> Path:
    from huggingface_hub import snapshot_download

    if path.startswith((".", "/", "~")) or path.count("/") != 1 or not all(path.split("/")):
        raise Refusal(f"{path}: no such file or folder, and no hub name either (owner/name). Check `path`.")
    try:
        return Path(snapshot_download(path, allow_patterns=[CONFIG, WEIGHTS[0], *TOKENIZER]))
    except Exception as error:
        raise Refusal(
            f"{path}: no such folder, and fetching it from the Hugging Face hub failed ({type(error).__name__}). "
            "Check the name and the network, or give a local folder."
        ) from None
