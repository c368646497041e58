"""A shard gives back the content of every sample, and counts what it holds."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.pipelines.engines.partition import Outcome
from triptych.pipelines.pack.shard import PackShard
from triptych.schemas.config.tokenizers import SentencePieceConfig
from triptych.schemas.dataset.layout import TASK_SLOT, content, sample_table
from triptych.schemas.dataset.packed_row import PackedRow
from triptych.schemas.dataset.reader import Shard
from triptych.schemas.dataset.statistics import Statistics
from triptych.schemas.storage.store import Store
from triptych.schemas.vocabulary import Kind, Modality, Special, Vocabulary

VOCABULARY = Vocabulary(text=300, image=16, audio=(8, 4))
SIZES = {"text": 300, "image": 16, "audio": 8}
ROW = 40


@st.composite
def tables(draw: Any) -> pa.Table:
    seed, count = draw(st.integers(0, 1 << 30)), draw(st.integers(1, 25))
    random = np.random.default_rng(seed)
    kinds = [list(Kind)[i] for i in random.integers(0, len(Kind), count)]
    codes: dict[Modality, list[Any]] = {
        Modality.TEXT: [random.integers(0, 300, random.integers(0, 90 if k is Kind.TEXT else 20)) for k in kinds],
        Modality.IMAGE: [random.integers(0, 16, 9) if "image" in k else None for k in kinds],
        Modality.AUDIO: [
            np.stack([random.integers(0, 8, n), random.integers(0, 4, n)], 1).reshape(-1) if "audio" in k else None
            for k, n in zip(kinds, random.integers(0, 6, count), strict=True)
        ],
    }
    ids = [random.bytes(16) for _ in kinds]
    table = sample_table(kinds, codes, SIZES, ids)
    extra = {
        "source": pa.array([f"source-{kind}" for kind in kinds]),
        "file": pa.array([f"file-{i % 3}" for i in range(count)]),
        "pixels": pa.array([144 if "image" in kind else 0 for kind in kinds], pa.int64()),
        "samples": pa.array([800 if "audio" in kind else 0 for kind in kinds], pa.int64()),
        "text_bytes": pa.array([3 * len(row) for row in codes[Modality.TEXT]], pa.int64()),
    }
    for name, column in extra.items():
        table = table.set_column(table.column_names.index(name), table.schema.field(name), column)
    return table


@pytest.fixture(scope="module")
def pack(made: Path) -> Any:
    config = SentencePieceConfig(path=f"{made}/tokenizers/text/text.model")

    def run(samples: pa.Table) -> tuple[Outcome, Shard | None]:
        store = Store("memory://packed")
        outcome = PackShard(store, VOCABULARY, ROW, "mixed", config, None).run(samples)
        entry = outcome.note["shard"]
        if entry is None:
            return outcome, None
        data = store.read(entry["file"])
        store.delete(entry["file"])
        assert len(data) == entry["bytes"]
        return outcome, Shard(pa.BufferReader(data))

    return run


def pieces(shard: Shard | None) -> dict[bytes, list[tuple[dict[str, Any], PackedRow]]]:
    """Every segment of a shard with its row, by document and in order of its offset."""
    found: dict[bytes, list[tuple[dict[str, Any], PackedRow]]] = {}
    for row in [shard.row(i) for i in range(shard.rows)] if shard else []:
        for segment in row.segments:
            found.setdefault(segment["id"], []).append((segment, row))
    return {key: sorted(value, key=lambda pair: pair[0]["offset"]) for key, value in found.items()}


@given(samples=tables())
@settings(max_examples=40)
def test_every_sample_comes_back_from_the_shard(pack: Any, samples: pa.Table) -> None:
    outcome, shard = pack(samples)
    laid, found = content(samples, VOCABULARY), pieces(shard)
    lost = set(outcome.dropped["row"].to_pylist())
    for i, sample in enumerate(samples.to_pylist()):
        whole, owner = (part[laid.offsets[i] : laid.offsets[i + 1]] for part in (laid.ids, laid.modality))
        if i in lost:
            assert sample["id"] not in found
            assert sample["kind"] != "text"
            assert len(whole) + TASK_SLOT > ROW
            continue
        mine = found.pop(sample["id"])
        assert [segment["last"] for segment, _ in mine] == [False] * (len(mine) - 1) + [True]
        assert len(mine) == 1 or sample["kind"] == "text"
        ids: list[int] = []
        modality: list[int] = []
        for segment, row in mine:
            stop = segment["start"] + segment["length"]
            assert row.tokens[segment["start"]] == Special.TASK
            assert segment["offset"] == len(ids)
            ids += row.tokens[segment["start"] + TASK_SLOT : stop].tolist()
            modality += row.modality[segment["start"] + TASK_SLOT : stop].tolist()
            for key in ("source", "file", "row"):
                assert segment[key] == sample[key]
            assert list(Kind)[segment["kind"]] == sample["kind"]
        assert ids == whole.tolist()
        assert modality == owner.tolist()
        for key in ("text_bytes", "pixels", "samples"):
            assert sum(segment[key] for segment, _ in mine) == sample[key]
    assert not found


@given(samples=tables())
@settings(max_examples=25)
def test_the_counts_are_those_of_the_samples_and_of_the_shard(pack: Any, samples: pa.Table) -> None:
    outcome, shard = pack(samples)
    rows = [shard.row(i) for i in range(shard.rows)] if shard else []
    filled = sum(int((row.segment > 0).sum()) for row in rows)
    statistics = outcome.note["statistics"]
    assert (statistics["rows"], statistics["filled"]) == (len(rows), filled)
    lost = set(outcome.dropped["row"].to_pylist())
    tallies = {tally.source: tally for tally in outcome.tallies}
    assert set(tallies) == set(samples["source"].to_pylist()) == set(statistics["sources"])
    tokens: Counter[str] = Counter()
    for source, tally in tallies.items():
        tally.check()
        mine = [(i, row) for i, row in enumerate(samples.to_pylist()) if row["source"] == source]
        kept = [row for i, row in mine if i not in lost]
        assert (tally.rows_in, tally.kept) == (len(mine), len(kept))
        said = Statistics.model_validate(statistics).sources[source].model_dump()
        names = ("text", "image", "audio")
        counts = {name: sum(len(row[name] or ()) for row in kept) for name in names}
        assert said["tokens"] == {name: count for name, count in counts.items() if count}
        assert tally.tokens_kept == sum(counts.values())
        assert tally.tokens_in == sum(len(row[name] or ()) for _, row in mine for name in names)
        assert said["samples"] == len(kept)
        assert said["segments"] == sum(s["source"] == source for row in rows for s in row.segments)
        assert sum(length * count for length, count in said["lengths"].items()) == sum(
            s["length"] for row in rows for s in row.segments if s["source"] == source
        )
        assert sum(said["too_long"].values()) == len(mine) - len(kept)
        tokens.update(said["tokens"])
    if shard:
        assert outcome.note["shard"]["tokens"] == tokens
        assert outcome.note["shard"]["rows"] == len(rows)


def test_a_pair_that_is_too_long_says_what_it_needs(pack: Any) -> None:
    kinds = [Kind.IMAGE_TEXT, Kind.IMAGE_TEXT]
    codes = {Modality.TEXT: [[1] * 40, [1] * 20], Modality.IMAGE: [[2] * 9] * 2}
    outcome, shard = pack(sample_table(kinds, codes, SIZES))
    # 40 + EOS + 9 + BOI + EOI + task slot
    assert outcome.dropped.to_pylist() == [
        {
            "stage": "pack",
            "source": "made",
            "file": "made",
            "row": 0,
            "reason": "pair_too_long",
            "detail": "needs a row of 53 tokens",
        }
    ]
    (tally,) = outcome.tallies
    assert (tally.dropped, tally.tokens_dropped) == ({"pair_too_long": 1}, {"pair_too_long": 49})
    assert shard.rows == 1


def test_when_every_pair_is_too_long_there_is_no_shard(pack: Any) -> None:
    outcome, shard = pack(
        sample_table([Kind.IMAGE_TEXT], {Modality.TEXT: [[1] * 40], Modality.IMAGE: [[2] * 9]}, SIZES)
    )
    assert shard is None
    assert outcome.note["statistics"]["rows"] == 0
    assert outcome.note["statistics"]["sources"]["made"]["too_long"] == {"53": 1}
