"""What is counted in a shard is what was put into it, and what a manifest says otherwise is named."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from triptych.pipelines.inspection.recount_statistics import (
    check_documents,
    check_statistics,
    entries_of,
    recount,
    tokens_by_segment,
)
from triptych.pipelines.pack.matrices import fill, place, segment_lists, span_lists
from triptych.pipelines.pack.segments import split_samples
from triptych.pipelines.pack.write import shard_batch
from triptych.schemas.dataset.layout import sample_table
from triptych.schemas.dataset.manifest import Manifest
from triptych.schemas.dataset.packed_row import row_schema
from triptych.schemas.dataset.reader import Shard
from triptych.schemas.dataset.statistics import LicenseStatistics, codebook_uses
from triptych.schemas.vocabulary import Kind, Modality, Vocabulary

VOCABULARY = Vocabulary(text=50, image=8)
ROW = 16
TEXTS = [[1, 2, 3], [4], list(range(20)), [3]]
CODES: dict[Modality, Any] = {Modality.TEXT: TEXTS, Modality.IMAGE: [None, [5, 2, 5], None, [0]]}


def shard_of(**changed: Any) -> Shard:
    """One segment in each row; the long text has two."""
    samples = sample_table([Kind.TEXT, Kind.IMAGE_TEXT, Kind.TEXT, Kind.IMAGE_TEXT], CODES, {"text": 50, "image": 8})
    columns = {
        "source": ["a", "b", "a", "b"],
        "license": ["MIT", None, "CC0", None],
        "pixels": [0, 64, 0, 64],
    } | changed
    for name, values in columns.items():
        field = samples.schema.field(name)
        samples = samples.set_column(samples.schema.get_field_index(name), field, pa.array(values, field.type))
    segments = split_samples(samples, ROW)
    count = len(segments.sample)
    placed = place(segments, np.arange(count), np.zeros(count, np.int64), count)
    matrices, spans = fill(samples, placed, VOCABULARY, ROW)
    tables = segment_lists(samples, placed, np.arange(1, count + 1)), span_lists(spans, placed)
    sink = pa.BufferOutputStream()
    batch = shard_batch(row_schema(VOCABULARY, ROW, {}), matrices, *tables)
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return Shard(pa.BufferReader(sink.getvalue()))


def manifest_of(shard: Shard) -> Manifest:
    found = recount(shard, VOCABULARY)
    uses = codebook_uses(found.codebooks, VOCABULARY)
    fields: dict[str, Any] = {"statistics": found, "vocabulary": VOCABULARY, "codebooks": uses}
    return Manifest.model_construct(**fields)


def test_entries_know_their_row_and_how_many_came_before_it() -> None:
    row, before = entries_of(pa.array([[7, 7], [], [7], [7, 7, 7]]))
    assert (row.tolist(), before.tolist()) == ([0, 0, 2, 3, 3, 3], [0, 0, 2, 3, 3, 3])


def test_a_shard_is_counted_as_it_was_made() -> None:
    shard = shard_of()
    assert tokens_by_segment(shard).tolist() == [[3, -1, -1], [1, 3, -1], [15, -1, -1], [5, -1, -1], [1, 1, -1]]
    found = recount(shard, VOCABULARY)
    # a task slot for each segment and an EOS for each text; BOI and EOI for each picture
    assert (found.rows, found.filled) == (5, (1 + 3 + 1) + (1 + 1 + 1 + 5) + 16 + (1 + 5 + 1) + (1 + 1 + 1 + 3))
    a, b = found.sources["a"], found.sources["b"]
    assert (a.kind, a.samples, a.segments, a.tokens, a.text_bytes) == ("text", 2, 3, {"text": 23}, 1 + 3 + 4)
    assert (b.kind, b.samples, b.segments, b.tokens, b.pixels) == ("image-text", 2, 2, {"text": 2, "image": 4}, 128)
    assert (a.lengths, b.lengths) == ({5: 1, 7: 1, 16: 1}, {6: 1, 8: 1})
    assert b.licenses == {}
    assert a.licenses == {
        "MIT": LicenseStatistics(segments=1, tokens=3),
        "CC0": LicenseStatistics(segments=2, tokens=20),
    }
    assert found.codebooks["text"] == Counter(code for text in TEXTS for code in text)
    assert found.codebooks["image"] == {0: 1, 2: 1, 5: 2}


@pytest.mark.parametrize(
    ("changed", "problems"),
    [
        ({}, []),
        ({"kind": ["text"] * 4}, ["a segment does not have the spans of its kind"]),
        ({"id": [bytes([i // 2]) * 16 for i in range(4)]}, ["the pieces of a split text do not join"]),
    ],
)
def test_documents_have_the_spans_of_their_kind_and_join(changed: Any, problems: list[str]) -> None:
    assert list(check_documents(shard_of(id=[bytes([i]) * 16 for i in range(4)]))) == []
    assert list(check_documents(shard_of(**changed))) == problems


def test_what_differs_from_the_manifest_is_named() -> None:
    manifest = manifest_of(shard_of())
    assert list(check_statistics(manifest, recount(shard_of(), VOCABULARY))) == []
    other = shard_of(source=["a", "b", "a", "c"], pixels=[0, 64, 0, 60])
    found = [problem.partition(" differs")[0] for problem in check_statistics(manifest, recount(other, VOCABULARY))]
    assert [problem for problem in found if problem.startswith("source b")] == [
        f"source b: {name}" for name in ("samples", "segments", "tokens", "text_bytes", "pixels", "lengths")
    ]
    assert not [problem for problem in found if not problem.startswith(("source b", "source c"))]
    uses = manifest.codebooks | {"text": manifest.codebooks["text"].model_copy(update={"perplexity": 1.0, "dead": 7})}
    changed = manifest.model_copy(update={"codebooks": uses})
    names = [problem[:26] for problem in check_statistics(changed, recount(shard_of(), VOCABULARY))]
    assert names == ["codebook text: perplexity ", "codebook text: dead differ"]
