"""Tokens, bytes and workers that are estimated for a run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from triptych.pipelines.preview.costs import Rates, cost_of, rates_of, shard_bytes, training_seconds, workers_of
from triptych.pipelines.preview.heads import Head
from triptych.schemas.config.load import check
from triptych.schemas.config.run import RunConfig
from triptych.schemas.dataset.layout import FRAME
from triptych.schemas.vocabulary import Modality

Tree = dict[str, Any]


@pytest.fixture
def config(tree: Callable[..., Tree], tmp_path: Path) -> Callable[..., RunConfig]:
    return lambda **changes: check(RunConfig, tree(tmp_path / "out", **changes), "test")


def test_a_row_costs_what_the_kept_rows_of_the_head_have(config: Callable[..., RunConfig], makers: Any) -> None:
    clip = makers.clip(0, seconds=2.0)
    kept = pa.table({"text": ["abcd", "abcdef"], "audio": pa.array([clip, clip], pa.binary())})
    head = Head(rows=4, kept=kept)  # half of the rows are dropped
    found = cost_of(100, head, Rates(0.5, None, 10.0, {}), config())
    assert found.tokens == {
        "text": pytest.approx(50 * (5 * 0.5 + FRAME[Modality.TEXT])),
        "audio": pytest.approx(50 * (2.0 * 10 + FRAME[Modality.AUDIO])),
    }
    assert found.row_bytes == pytest.approx(50 * (5 + len(clip)))
    assert cost_of(100, Head(rows=4), Rates(0.5, None, 10.0, {}), config()).tokens == {}


def test_a_tokenizer_on_a_hub_has_no_rate(config: Callable[..., RunConfig]) -> None:
    trained = {"text": {"kind": "sentencepiece", "vocab_size": 1000}, "image": {"kind": "vq", "size": 32}}
    given = config(tokenizers=trained | {"audio": {"kind": "transformers", "path": "facebook/encodec_24khz"}})
    rates = rates_of(given, {}, [])
    assert rates.text == pytest.approx(1 / 2.6)
    assert "assumed for 1,000 pieces" in rates.grounds["text"]
    assert rates.image == (32 // 8) ** 2
    assert rates.audio is None
    assert "on a hub" in rates.grounds["audio"]


def test_training_is_as_long_as_the_slower_tokenizer(config: Callable[..., RunConfig]) -> None:
    trained = {
        "text": {"kind": "sentencepiece", "vocab_size": 1000},
        "image": {"kind": "vq", "size": 128, "steps": 100},
        "audio": {"kind": "rvq", "steps": 1000},
    }
    assert training_seconds(config(tokenizers=trained)) == pytest.approx(1000 * 0.15)
    trained["image"] |= {"steps": 10_000}
    assert training_seconds(config(tokenizers=trained)) == pytest.approx(10_000 * 0.25)


def test_workers_of_this_machine_alone_are_known(config: Callable[..., RunConfig]) -> None:
    engines = [{"kind": "serial"}, {"kind": "dask", "workers": 3}, {"kind": "dask", "scheduler": "tcp://host:8786"}]
    assert [workers_of(config(engine=engine)) for engine in engines] == [1, 3, 1]


def test_shards_grow_with_the_width_of_segment_numbers(config: Callable[..., RunConfig]) -> None:
    assert shard_bytes(970, config(row_length=256)) == pytest.approx(1000 * 6)
    assert shard_bytes(970, config(row_length=65535)) == pytest.approx(1000 * 7)
