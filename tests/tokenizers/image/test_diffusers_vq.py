"""DiffusersVq against the library's own answers, on small random-weight models saved in the real format."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from triptych.schemas.errors import Refusal
from triptych.tokenizers.image import diffusers_vq
from triptych.tokenizers.image.diffusers_vq import DiffusersVq

MOVQ = {
    "down_block_types": ("DownEncoderBlock2D", "DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
    "up_block_types": ("AttnUpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"),
    "block_out_channels": (32, 32, 64),
    "norm_type": "spatial",
    "latent_channels": 4,
    "vq_embed_dim": 4,
}
AMUSED = {"latent_channels": 8, "vq_embed_dim": 6, "block_out_channels": (8, 16), "lookup_from_codebook": True}
AMUSED |= {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
UNSHUFFLED = {"in_channels": 48, "out_channels": 48, "latent_channels": 8, "mid_block_add_attention": False}
MODELS: dict[str, tuple[dict[str, Any], int]] = {
    "movq": (MOVQ, 4),
    "amused": (AMUSED, 2),
    "unshuffled": (UNSHUFFLED, 4),
}
SIDE = 32


def save(folder: Path, options: dict[str, Any], seed: int = 0) -> Any:
    from diffusers import VQModel

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        sizes = {"block_out_channels": (16,), "num_vq_embeddings": 64, "norm_num_groups": 4}
        model: Any = VQModel(**sizes | options)  # type: ignore[no-untyped-call]
        # spread the codes as wide as the latents, or one of them would win everywhere
        model.quantize.embedding.weight.data.normal_()
    model.eval().save_pretrained(folder)
    return model


def pictures(count: int = 3) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


@pytest.mark.parametrize("name", MODELS)
def test_codes_and_pictures_are_the_librarys_own(name: str, tmp_path: Path) -> None:
    options, downsample = MODELS[name]
    model = save(tmp_path, options)
    tokenizer = DiffusersVq(str(tmp_path), side=SIDE)
    assert (tokenizer.size, tokenizer.pixels, tokenizer.tokens) == (64, SIDE, (SIDE // downsample) ** 2)
    factor = 4 if name == "unshuffled" else 1
    x = torch.from_numpy(pictures()).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        latents = model.encode(torch.pixel_unshuffle(x, factor)).latents
        quantised, _, (_, _, indices) = model.quantize(latents)
        model.register_to_config(lookup_from_codebook=False)
        decoded = torch.pixel_shuffle(model.decode(quantised, force_not_quantize=True).sample, factor)
    codes = tokenizer.encode(pictures())
    assert codes.dtype == np.uint32
    assert np.array_equal(codes, indices.view(3, -1).numpy())
    assert len(np.unique(codes)) > 5
    expected = ((decoded + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1).numpy()
    restored = tokenizer.decode(codes)
    assert (restored.shape, restored.dtype) == ((3, SIDE, SIDE, 3), np.dtype(np.uint8))
    assert np.abs(restored - expected).max() < 0.51
    assert np.array_equal(tokenizer.decode(codes.tolist()), restored)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU takes the whole batch")
def test_a_batch_is_encoded_in_pieces_of_so_many_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, MODELS["movq"][0])
    tokenizer = DiffusersVq(str(tmp_path), side=SIDE)
    alone = np.concatenate([tokenizer.encode(pictures(5)[index : index + 1]) for index in range(5)])
    sizes: list[int] = []
    encode = tokenizer._encode

    def counted(pixels: Any) -> Any:
        sizes.append(len(pixels))
        return encode(pixels)

    monkeypatch.setattr(tokenizer, "_encode", counted)
    for limit, pieces in ((1, [1] * 5), (2 * tokenizer.tokens, [2, 2, 1]), (9 * tokenizer.tokens, [5])):
        monkeypatch.setattr(diffusers_vq, "TOKENS_AT_ONCE", limit)
        sizes.clear()
        codes = tokenizer.encode(pictures(5))
        assert sizes == pieces
        assert (codes.shape, codes.dtype) == (alone.shape, np.dtype(np.uint32))
        assert (codes == alone).mean() > 0.99  # a sum may be rounded in another way
    assert tokenizer.encode(pictures(0)).shape == (0, tokenizer.tokens)


def test_codes_lie_row_by_row(tmp_path: Path) -> None:
    save(tmp_path, UNSHUFFLED)
    tokenizer = DiffusersVq(str(tmp_path), side=SIDE)
    codes = tokenizer.encode(pictures(1))
    top_row_changed = np.where(np.arange(64) < 8, (codes + 1) % 64, codes)
    difference = np.abs(tokenizer.decode(codes).astype(int) - tokenizer.decode(top_row_changed)).mean((0, 2, 3))
    assert difference[:4].mean() > 2 * difference[-8:].mean()


def test_fingerprint_covers_weights_config_and_side_but_not_the_path(tmp_path: Path) -> None:
    save(tmp_path / "a", UNSHUFFLED)
    shutil.copytree(tmp_path / "a", tmp_path / "deep" / "b")
    save(tmp_path / "weights", UNSHUFFLED, seed=1)
    save(tmp_path / "config", UNSHUFFLED)
    config = json.loads((tmp_path / "config" / "config.json").read_text())
    (tmp_path / "config" / "config.json").write_text(json.dumps(config | {"act_fn": "relu"}))
    found = {name: DiffusersVq(str(tmp_path / name), side=SIDE).fingerprint for name in ("a", "weights", "config")}
    assert DiffusersVq(str(tmp_path / "deep" / "b"), side=SIDE).fingerprint == found["a"]
    config["_diffusers_version"] = "0.0.0"
    (tmp_path / "deep" / "b" / "config.json").write_text(json.dumps(config, indent=7))
    assert DiffusersVq(str(tmp_path / "deep" / "b"), side=SIDE).fingerprint == found["a"]
    found["side"] = DiffusersVq(str(tmp_path / "a"), side=64).fingerprint
    assert len(set(found.values())) == 4


def test_sharded_weights_load_alike(tmp_path: Path) -> None:
    model = save(tmp_path / "whole", UNSHUFFLED)
    model.save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    whole, shards = (DiffusersVq(str(tmp_path / name), side=SIDE) for name in ("whole", "shards"))
    assert np.array_equal(whole.encode(pictures()), shards.encode(pictures()))
    next((tmp_path / "shards").glob("*.safetensors")).unlink()
    with pytest.raises(Refusal, match="which is missing"):
        DiffusersVq(str(tmp_path / "shards"), side=SIDE)


def test_refusals_name_the_fix(tmp_path: Path) -> None:
    save(tmp_path / "model", UNSHUFFLED)

    def refusal(folder: Path, side: int = SIDE) -> str:
        with pytest.raises(Refusal) as caught:
            DiffusersVq(str(folder), side=side)
        return str(caught.value)

    assert "Set `size` to 28" in refusal(tmp_path / "model", 30)
    assert "neither a folder nor a hub name" in refusal(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "has no config.json" in refusal(tmp_path / "empty")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    for name, change in {"other": {"_class_name": "AutoencoderKL"}, "grey": {"in_channels": 1}}.items():
        shutil.copytree(tmp_path / "model", tmp_path / name)
        (tmp_path / name / "config.json").write_text(json.dumps(config | change))
    assert "AutoencoderKL" in refusal(tmp_path / "other")
    assert "1 input and 48 output channels" in refusal(tmp_path / "grey")
    (tmp_path / "grey" / "config.json").write_text("{")
    assert "cannot be read as JSON" in refusal(tmp_path / "grey")


def test_pickles_are_refused(tmp_path: Path) -> None:
    save(tmp_path, UNSHUFFLED).save_pretrained(tmp_path / "pickled", safe_serialization=False)
    with pytest.raises(Refusal, match="only pickled weights"):
        DiffusersVq(str(tmp_path / "pickled"), side=SIDE)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mid_block_add_attention": True}, "lack .* parameters"),
        ({"latent_channels": 5}, "lack .* parameters|cannot be loaded"),
        ({"down_block_types": ["NoSuchBlock2D"]}, "cannot be loaded"),
    ],
)
def test_weights_that_do_not_fill_the_config_are_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    save(tmp_path, {"mid_block_add_attention": False})
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(Refusal, match=said):
        DiffusersVq(str(tmp_path), side=16)
