"""A shard without some of its segments has the others as they were."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.takedown.remove_segments import without_segments
from triptych.schemas.dataset.reader import Dataset, Shard
from triptych.schemas.vocabulary import Special

Segment = tuple[dict[str, Any], list[int], list[int], list[tuple[int, int, int]]]


@pytest.fixture(scope="module")
def shards(made: Path) -> list[Shard]:
    dataset = Dataset(str(made))
    return [dataset.open(entry) for entry in dataset.manifest.shards]


def file_of(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def rows(shard: Shard) -> list[list[Segment]]:
    """Of every row its segments: fields, tokens, modalities, and spans counted from the segment's start."""
    found = []
    for index in range(shard.rows):
        row = shard.row(index)
        used = 0
        segments: list[Segment] = []
        for number, segment in enumerate(row.segments, 1):
            start, stop = segment["start"], segment["start"] + segment["length"]
            assert start == used, "segments lie side by side"
            used = stop
            assert (row.segment[start:stop] == number).all()
            spans = [
                (span["modality"], span["start"] - start, span["length"])
                for span in row.spans
                if span["segment"] == number
            ]
            fields = {name: value for name, value in segment.items() if name != "start"}
            segments.append((fields, row.tokens[start:stop].tolist(), row.modality[start:stop].tolist(), spans))
        assert sum(len(spans) for *_, spans in segments) == len(row.spans)
        assert (row.tokens[used:] == Special.PAD).all()
        assert not row.segment[used:].any()
        assert not row.modality[used:].any()
        found.append(segments)
    return found


@given(st.data())
def test_what_is_left_is_as_it_was_and_in_its_order(shards: list[Shard], data: st.DataObject) -> None:
    shard = data.draw(st.sampled_from(shards))
    before = rows(shard)
    count = sum(map(len, before))
    share = data.draw(st.sampled_from([0.0, 0.02, 0.5, 0.98, 1.0]))
    gone = np.random.default_rng(data.draw(st.integers(0, 999))).random(count) < share
    batch = without_segments(shard, gone)
    batch.validate(full=True)
    assert batch.schema.equals(shard.batch.schema, check_metadata=True)
    mask = iter(gone.tolist())
    left = [[segment for segment in segments if not next(mask)] for segments in before]
    assert (rows(Shard(pa.BufferReader(file_of(batch)))) if batch.num_rows else []) == [
        segments for segments in left if segments
    ]


def test_no_name_of_what_is_gone_stays_behind(shards: list[Shard]) -> None:
    shard = next(shard for shard in shards if shard.row(0).segments[0]["source"] == "docs")
    files = shard.batch.column("segments").flatten().field("file")
    one = files.dictionary[0].as_py()
    gone = np.array([name == one for name in files.to_pylist()])
    assert 0 < gone.sum() < len(gone)
    assert one.encode() in file_of(shard.batch)
    assert one.encode() not in file_of(without_segments(shard, gone))
