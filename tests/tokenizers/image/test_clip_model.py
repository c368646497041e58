"""ClipModel against open_clip's own answers, on a small random-weight model saved in the real format."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from triptych.schemas.errors import Refusal
from triptych.tokenizers.image.clip_model import ClipModel, find_clip, load_clip

from .tiny_clip import CONFIG, save_clip

TEXTS = ["a red ball", "Ein Vogel auf einem Ast, né?", "", "word " * 500]


def pictures(count: int = 3, size: tuple[int, int] = (32, 32)) -> list[npt.NDArray[np.uint8]]:
    return list(np.random.default_rng(0).integers(0, 256, (count, *size, 3), np.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip")
    save_clip(path)
    return path


def test_vectors_are_the_librarys_own(folder: Path, tmp_path: Path) -> None:
    import open_clip
    import torch

    theirs = save_clip(tmp_path / "again")
    model = ClipModel("unused", str(folder))
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.48, 0.46, 0.41], [0.27, 0.26, 0.28]))
    x = (torch.from_numpy(np.stack(pictures())).permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.no_grad():
        images = theirs.encode_image(x, normalize=True).numpy()
        texts = theirs.encode_text(open_clip.get_tokenizer("ViT-B-32")(TEXTS), normalize=True).numpy()
    assert np.abs(model.embed_images(pictures()) - images).max() < 1e-5
    assert np.abs(model.embed_texts(TEXTS) - texts).max() < 1e-5
    assert (model.pixels, model.width) == (32, 24)


def test_pictures_of_any_size_and_kind_become_unit_vectors(folder: Path) -> None:
    from PIL import Image

    model = ClipModel("unused", str(folder))
    sizes = [(32, 32), (200, 50), (7, 90), (1, 1)]
    arrays = [pictures(1, size)[0] for size in sizes]
    vectors = model.embed_images(arrays)
    assert vectors.dtype == np.float32
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
    assert np.array_equal(model.embed_images([Image.fromarray(array) for array in arrays]), vectors)
    assert model.embed_images([]).shape == model.embed_texts([]).shape == (0, 24)


def test_more_than_a_batch_keeps_the_order(folder: Path) -> None:
    model = ClipModel("unused", str(folder))
    many = pictures(70)
    vectors = model.embed_images(many)
    assert vectors.shape == (70, 24)
    assert np.abs(vectors[[0, 40, 69]] - model.embed_images([many[0], many[40], many[69]])).max() < 1e-5


def test_a_file_of_weights_goes_with_an_architecture_by_name(folder: Path, tmp_path: Path) -> None:
    import open_clip

    (tmp_path / "tiny-of-a-test.json").write_text(json.dumps(CONFIG))
    open_clip.add_model_config(tmp_path / "tiny-of-a-test.json")
    file = folder / "open_clip_model.safetensors"
    by_file = ClipModel("tiny-of-a-test", str(file))
    by_folder = ClipModel("unused", str(folder))
    assert np.abs(by_file.embed_texts(TEXTS) - by_folder.embed_texts(TEXTS)).max() < 1e-6
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(file, alone / "some.safetensors")
    assert np.array_equal(ClipModel("tiny-of-a-test", str(alone)).embed_texts(TEXTS), by_file.embed_texts(TEXTS))


def test_fingerprint_covers_weights_and_config_but_not_the_path(folder: Path, tmp_path: Path) -> None:
    found = find_clip("unused", str(folder)).fingerprint
    assert ClipModel("unused", str(folder)).fingerprint == found
    shutil.copytree(folder, tmp_path / "deep" / "copy")
    assert find_clip("other", str(tmp_path / "deep" / "copy")).fingerprint == found
    save_clip(tmp_path / "weights", seed=1)
    shutil.copytree(folder, tmp_path / "config")
    config = json.loads((tmp_path / "config" / "open_clip_config.json").read_text())
    config["preprocess_cfg"]["mean"] = [0.5, 0.5, 0.5]
    (tmp_path / "config" / "open_clip_config.json").write_text(json.dumps(config))
    file = folder / "open_clip_model.safetensors"
    others = [find_clip("x", str(tmp_path / name)).fingerprint for name in ("weights", "config")]
    others += [find_clip(name, str(file)).fingerprint for name in ("ViT-B-32", "ViT-B-16")]
    assert len({found, *others}) == 5


def test_a_model_is_loaded_once_a_process(folder: Path) -> None:
    assert load_clip("unused", str(folder)) is load_clip("unused", str(folder))


def test_refusals_name_the_fix(folder: Path, tmp_path: Path) -> None:
    import torch

    def refusal(architecture: str, path: Path | str) -> str:
        with pytest.raises(Refusal) as caught:
            ClipModel(architecture, str(path))
        return str(caught.value)

    weights = folder / "open_clip_model.safetensors"
    assert "no such file or folder" in refusal("ViT-B-32", tmp_path / "nowhere")
    assert "no such file or folder" in refusal("ViT-B-32", "nowhere")
    (tmp_path / "empty").mkdir()
    assert "holds no weights" in refusal("ViT-B-32", tmp_path / "empty")
    torch.save({"a": torch.zeros(1)}, tmp_path / "empty" / "open_clip_pytorch_model.bin")
    assert "only pickled weights" in refusal("ViT-B-32", tmp_path / "empty")
    assert "pickles can run code" in refusal("ViT-B-32", tmp_path / "empty" / "open_clip_pytorch_model.bin")
    assert "is not an open_clip architecture" in refusal("ViT-Z-99", weights)
    assert "does not load as" in refusal("ViT-S-32-alt", weights)
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "open_clip_config.json").write_text("{")
    assert "does not load as" in refusal("unused", broken)


def test_no_pickle_beside_the_weights_is_opened(folder: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "exploded",))

    import torch

    mixed = tmp_path / "mixed"
    shutil.copytree(folder, mixed)
    (mixed / "open_clip_model.safetensors").rename(mixed / "model.safetensors")
    torch.save({"bomb": Bomb()}, mixed / "open_clip_pytorch_model.bin")
    ClipModel("unused", str(mixed))
    assert not (tmp_path / "exploded").exists()
