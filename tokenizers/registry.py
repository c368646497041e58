"""Creates tokenizers from their configs. Each tokenizer module is imported only when it is needed."""

import math
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import fsspec

from ..schemas.config.tokenizers import (
    AudioConfig,
    HuggingFaceTextConfig,
    ImageConfig,
    RvqConfig,
    SentencePieceConfig,
    TextConfig,
    TiktokenConfig,
    TransformersAudioConfig,
    TransformersImageConfig,
    VqConfig,
)
from ..schemas.errors import Refusal
from ..schemas.identity import parse_json
from ..schemas.secrets import remember
from .protocol import AudioTokenizer, ImageTokenizer, TextTokenizer, Tokenizer

Config = TextConfig | ImageConfig | AudioConfig
Report = Any  # Callable[[int, int], None]: steps done, total steps

KEPT = 8  # number of loaded tokenizers that a process keeps


def load(config: Config, folder: str | None = None) -> Tokenizer:
    """Load a tokenizer, once per process.

    Args:
        config: The tokenizer's config.
        folder: Folder of a tokenizer that was trained in a run or copied into a dataset; default `config.path`.

    Raises:
        Refusal: There is no such tokenizer.
    """
    path = folder or config.path
    remember(config.path)
    if path is None:
        raise Refusal(
            f"the {config.kind} tokenizer is neither trained yet nor given. Set its `path` to a folder that "
            "`triptych tokenizer train` wrote, or let `triptych prepare` train it."
        )
    return _open(config, path, _stamp(path))


def load_text(config: TextConfig, folder: str | None = None) -> TextTokenizer:
    """Load a text tokenizer, see `load`."""
    return cast(TextTokenizer, load(config, folder))


def load_image(config: ImageConfig, folder: str | None = None) -> ImageTokenizer:
    """Load an image tokenizer, see `load`."""
    return cast(ImageTokenizer, load(config, folder))


def load_audio(config: AudioConfig, folder: str | None = None) -> AudioTokenizer:
    """Load an audio tokenizer, see `load`."""
    return cast(AudioTokenizer, load(config, folder))


@lru_cache(maxsize=KEPT)
def _open(config: Config, path: str, stamp: tuple[Any, ...]) -> Tokenizer:
    match config:
        case SentencePieceConfig():
            from .text.sentencepiece_text import SentencePieceText

            return SentencePieceText(path)
        case HuggingFaceTextConfig():
            from .text.huggingface_text import HuggingFaceText

            return HuggingFaceText(path)
        case TiktokenConfig():
            from .text.tiktoken_text import TiktokenText

            return TiktokenText(path, config.pattern)
        case VqConfig():
            from .image.diffusers_vq import DiffusersVq

            return DiffusersVq(path, side=config.size)
        case TransformersImageConfig():
            from .image.transformers_vq import TransformersVq

            return TransformersVq(path, side=config.size)
        case RvqConfig():
            from .audio.rvq import RvqCodec

            return RvqCodec(path)
        case TransformersAudioConfig():
            from .audio.transformers_codec import TransformersCodec

            return TransformersCodec(path, levels=config.levels)


def _stamp(path: str) -> tuple[Any, ...]:
    # part of the cache key, since a worker may outlive the run that trained the tokenizer at `path`
    fs, where = fsspec.core.url_to_fs(path)
    files = fs.find(where, detail=True)
    return tuple((name, info.get("size"), str(info.get("mtime"))) for name, info in sorted(files.items()))


def train(
    config: Config, samples: Any, folder: str | Path, *, seed: int, threads: int, report: Report | None = None
) -> None:
    """Train the tokenizer of `config`; the same arguments give the same bytes.

    Args:
        config: The tokenizer's config.
        samples: Texts, one (n, size, size, 3) uint8 array of images, or waves at the config's sample rate.
        folder: Local folder where the tokenizer is saved.
        seed: Seed of all random numbers.
        threads: Number of threads during training.
        report: Called as `report(done, steps)` during training; not for text, which is trained in one step.

    Raises:
        Refusal: The config is not one of a trained tokenizer, or there is nothing to train on.
    """
    folder = Path(folder)
    if not config.trained_in_run:
        raise Refusal(
            f"the {config.kind} tokenizer at `path: {config.path}` is loaded, so it cannot be trained. Remove `path`."
        )
    match config:
        case SentencePieceConfig():
            from .text.sentencepiece_train import train_sentencepiece

            train_sentencepiece(samples, config, folder, seed=seed)
        case VqConfig():
            from .image.vq_train import train_vq

            train_vq(samples, config, folder, seed=seed, threads=threads, report=report)
        case RvqConfig():
            from .audio.rvq_train import train_rvq

            train_rvq(samples, config, folder, seed=seed, threads=threads, report=report)


def require_files(config: Config) -> None:
    """Check that the files of a given image tokenizer or codec are there, without reading its weights.

    Raises:
        Refusal: A file is missing, or the weights are pickled.
    """
    from .image.weights import require_model_files

    match config:
        case VqConfig():
            require_model_files(str(config.path), "diffusion_pytorch_model")
        case TransformersImageConfig() | TransformersAudioConfig():
            require_model_files(config.path, "model")


def tokens_per_picture(config: ImageConfig) -> int | None:
    """Return the number of tokens per image from the config or the model's config.json; None if not available."""
    if isinstance(config, VqConfig) and config.path is None:
        return (config.size // config.downsample) ** 2
    model = _model_config(str(config.path))
    if model is None:
        return None
    if isinstance(config, VqConfig):
        # as in image.diffusers_vq, which cannot be imported without torch
        factor = math.isqrt(model.get("in_channels", 3) // 3) * 2 ** (len(model.get("block_out_channels", [64])) - 1)
    else:
        multipliers = model.get("channel_multiplier")
        if multipliers is None:
            return None
        factor = 2 ** (len(multipliers) - 1)
    return int(config.size // factor) ** 2


def tokens_per_second(config: AudioConfig) -> float | None:
    """Return the tokens of a second of sound, from the config alone; None for a tokenizer that is given."""
    # as in audio.mel, which cannot be imported without torch
    return 50.0 * config.levels if isinstance(config, RvqConfig) and config.path is None else None


def _model_config(path: str) -> dict[str, Any] | None:
    file: Any = Path(path).expanduser() / "config.json"
    if "://" in path:
        fs, where = fsspec.core.url_to_fs(f"{path.rstrip('/')}/config.json")
        return _json_object(fs.cat_file(where)) if fs.exists(where) else None
    if not file.is_file():
        from huggingface_hub import try_to_load_from_cache

        owner, _, rest = path.partition("/")
        name, _, subfolder = rest.partition("/")
        if path.startswith((".", "/", "~")) or not name:
            return None
        file = try_to_load_from_cache(f"{owner}/{name}", f"{subfolder}/config.json" if subfolder else "config.json")
    try:
        return _json_object(Path(file).read_bytes())
    except (TypeError, OSError):
        return None


def _json_object(text: bytes) -> dict[str, Any] | None:
    try:
        tree = parse_json(text)
    except ValueError:
        return None
    return tree if isinstance(tree, dict) else None
