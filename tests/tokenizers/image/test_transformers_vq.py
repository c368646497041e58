"""TransformersVq against the library's own answers, on small random-weight models saved in the real format."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from triptych.schemas.errors import Refusal
from triptych.tokenizers.image.transformers_vq import TransformersVq

SIDE = 32
EMU3: dict[str, Any] = {"codebook_size": 64, "base_channels": 32, "channel_multiplier": [1, 2, 1], "num_res_blocks": 1}
EMU3 |= {"attn_resolutions": [2], "hidden_size": 32, "temporal_downsample_factor": 2}
JANUS: dict[str, Any] = {
    "num_embeddings": 64,
    "embed_dim": 4,
    "latent_channels": 32,
    "base_channels": 32,
    "num_patches": 8,
}
JANUS |= {"channel_multiplier": [1, 1, 2], "num_res_blocks": 1, "image_token_embed_dim": 32, "projection_dim": 32}
CONFIGS: dict[str, dict[str, Any]] = {"Emu3VQVAE": EMU3, "JanusVQVAE": JANUS}


def save(folder: Path, name: str, seed: int = 0) -> Any:
    import transformers

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = getattr(transformers, name)(getattr(transformers, f"{name}Config")(**CONFIGS[name])).eval()
        # spread the codes as wide as the latents, or one of them would win everywhere
        model.quantize.embedding.weight.data.normal_(std=1.0 if name == "Emu3VQVAE" else 0.01)
    model.save_pretrained(folder)
    return model


def pictures() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)


@pytest.mark.parametrize("name", CONFIGS)
def test_codes_and_pictures_are_the_librarys_own(name: str, tmp_path: Path) -> None:
    model = save(tmp_path, name)
    tokenizer = TransformersVq(str(tmp_path), side=SIDE)
    assert (tokenizer.size, tokenizer.pixels, tokenizer.tokens) == (64, SIDE, 64)
    x = torch.from_numpy(pictures()).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        if name == "Emu3VQVAE":
            indices = torch.stack(model.encode(x, image_sizes=torch.tensor([[SIDE, SIDE]] * 2)).image_tokens)
        else:
            indices = model.encode(x).image_tokens.view(2, -1)
        decoded = model.decode(indices)
    codes = tokenizer.encode(pictures())
    assert codes.dtype == np.uint32
    assert len(np.unique(codes)) > 5
    assert np.array_equal(codes, indices.reshape(2, -1).numpy())
    restored = tokenizer.decode(codes)
    assert (restored.shape, restored.dtype) == ((2, SIDE, SIDE, 3), np.dtype(np.uint8))
    expected = ((decoded + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1).numpy()
    assert np.abs(restored - expected).max() < 0.51


@pytest.mark.parametrize("name", CONFIGS)
def test_fingerprint_covers_weights_and_config_but_not_the_path(name: str, tmp_path: Path) -> None:
    save(tmp_path / "a", name)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    save(tmp_path / "weights", name, seed=1)
    shutil.copytree(tmp_path / "a", tmp_path / "config")
    config = json.loads((tmp_path / "config" / "config.json").read_text())
    (tmp_path / "config" / "config.json").write_text(json.dumps(config | {"double_latent": None, "beta": 0.5}))
    found = {folder: TransformersVq(str(tmp_path / folder), side=SIDE).fingerprint for folder in ("a", "weights")}
    assert TransformersVq(str(tmp_path / "b"), side=SIDE).fingerprint == found["a"]
    (tmp_path / "config" / "config.json").write_text(json.dumps(config | {"note": "other"}))
    found["config"] = TransformersVq(str(tmp_path / "config"), side=SIDE).fingerprint
    assert len(set(found.values())) == 3


def test_refusals_name_the_fix(tmp_path: Path) -> None:
    save(tmp_path / "janus", "JanusVQVAE")
    save(tmp_path / "emu3", "Emu3VQVAE")
    (tmp_path / "chameleon").mkdir()
    (tmp_path / "chameleon" / "config.json").write_text('{"model_type": "chameleon_vqgan"}')
    (tmp_path / "chameleon" / "model.safetensors").write_bytes(b"")

    def refusal(folder: str, side: int) -> str:
        with pytest.raises(Refusal) as caught:
            TransformersVq(str(tmp_path / folder), side=side)
        return str(caught.value)

    assert "Set `size: 32`" in refusal("janus", 64)
    assert "Set `size` to 32" in refusal("emu3", 34)
    message = refusal("chameleon", 32)
    assert "chameleon_vqgan" in message
    assert "Emu3VQVAE" in message
    assert "JanusVQVAE" in message
    (tmp_path / "emu3" / "model.safetensors").unlink()
    (tmp_path / "emu3" / "pytorch_model.bin").write_bytes(b"")
    assert "only pickled weights" in refusal("emu3", 32)
