"""The tables of single changes and of the demo's sets, made of a moment of training."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from benchmarks import tried
from benchmarks.character_models import VOCABULARY
from benchmarks.demo_sets import SETS
from benchmarks.recipe_variants import PEAK, offset_biases
from benchmarks.tried import VARIANTS, main
from triptych.model.network.init import initialise
from triptych.model.network.presets import shape_of
from triptych.model.network.rope import rotate, rotation
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import ModelConfig

from .test_character_models import texts

__all__ = ["texts"]


def test_the_sets_of_the_demo_have_nothing_in_common() -> None:
    glyphs, words = zip(*SETS.values(), strict=True)
    assert all(len(set(one)) == 20 for one in (*glyphs, *words))
    assert not set(glyphs[0]) & set(glyphs[1])
    assert not set(words[0]) & set(words[1])


def test_every_variant_trains_and_is_not_trained_again(
    texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tried, "WINDOWS", 32)
    monkeypatch.setattr(tried, "PASSES", 1)
    log = tmp_path / "log.jsonl"
    options = ["--texts", str(texts), "--steps", "2", "--seeds", "1", "--log", str(log)]
    said = CliRunner().invoke(main, options, catch_exceptions=False)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["variant"] for line in lines] == list(VARIANTS)
    assert all(1 < line["bits"] < 7 for line in lines)
    monkeypatch.setattr(tried, "run", None)
    assert CliRunner().invoke(main, options, catch_exceptions=False).stdout == said.stdout


def test_heads_look_at_offsets() -> None:
    model = Transformer(shape_of(ModelConfig(depth=2, width=128)), VOCABULARY)
    initialise(model, 0)
    offset_biases(model)
    cos_sin = rotation(torch.arange(24)[None], 64)
    looked = []
    for block in model.blocks:
        q_HE, k_HE = block.attention.q_norm.shift, block.attention.k_norm.shift  # type: ignore[union-attr]
        q, k = (rotate(each.detach().expand(1, 24, -1, -1), cos_sin) for each in (q_HE, k_HE))  # type: ignore[operator]
        scores_HLL = torch.einsum("blhe,bmhe->hlm", q, k) / 8
        looked += (scores_HLL[:, 12].argmax(-1) - 12).tolist()
        assert scores_HLL[:, 12].max() == pytest.approx(PEAK, rel=1e-3)
    assert looked == [-1, 1, -2, 2]
