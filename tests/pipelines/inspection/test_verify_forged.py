"""Verify finds what a bug would write under right checksums: rows, and a ledger that does not follow from them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import xxhash

from triptych.pipelines.inspection.verify import Finding
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.vocabulary import Modality, Special, Vocabulary

from .forging import Change, findings, reseal, rewrite


def test_rewriting_a_shard_as_it_was_is_no_finding(copy: Path) -> None:
    rewrite(copy, "image-text", lambda rows, vocabulary: None)
    assert findings(copy) == []


def at(span: int = 0, row: int = 0) -> Callable[[list[dict[str, Any]]], dict[str, Any]]:
    """A span of a row; spans of a pair come text first."""
    found: Callable[[list[dict[str, Any]]], dict[str, Any]] = lambda rows: rows[row]["spans"][span]  # noqa: E731
    return found


def put(column: str, place: Callable[[dict[str, Any]], int], value: Callable[[Vocabulary], int]) -> Change:
    """Another value at one position of the first row's token-level column."""

    def change(rows: list[dict[str, Any]], vocabulary: Vocabulary) -> None:
        rows[0][column][place(rows[0])] = value(vocabulary)

    return change


def bend(table: str, index: int, **deltas: int) -> Change:
    """Add to fields of one entry of the first row's segment or span table."""

    def change(rows: list[dict[str, Any]], vocabulary: Vocabulary) -> None:
        for key, delta in deltas.items():
            rows[0][table][index][key] += delta

    return change


def image_of(row: dict[str, Any]) -> int:
    """Where the first picture's codes begin."""
    start: int = next(span["start"] for span in row["spans"] if span["modality"] == Modality.IMAGE)
    return start


def audio_of(row: dict[str, Any]) -> int:
    """Where the first clip's codes begin."""
    start: int = next(span["start"] for span in row["spans"] if span["modality"] == Modality.AUDIO)
    return start


def padding_of(row: dict[str, Any]) -> int:
    """The last position, which is padding."""
    assert row["segment"][-1] == 0
    return -1


def drop_span(rows: list[dict[str, Any]], vocabulary: Vocabulary) -> None:
    del rows[0]["spans"][-1]


def drop_segment(rows: list[dict[str, Any]], vocabulary: Vocabulary) -> None:
    del rows[0]["segments"][-1]


def drop_row(rows: list[dict[str, Any]], vocabulary: Vocabulary) -> None:
    del rows[-1]


def swap_levels(rows: list[dict[str, Any]], vocabulary: Vocabulary) -> None:
    start, tokens = audio_of(rows[0]), rows[0]["tokens"]
    tokens[start], tokens[start + 1] = tokens[start + 1], tokens[start]


def swap_numbers(rows: list[dict[str, Any]], vocabulary: Vocabulary) -> None:
    rows[0]["segment"] = [{1: 2, 2: 1}.get(number, number) for number in rows[0]["segment"]]


def claim_a_license(rows: list[dict[str, Any]], vocabulary: Vocabulary) -> None:
    rows[0]["segments"][0]["license"] = "MIT"


DAMAGE: dict[str, tuple[str, Change]] = {
    "token outside": ("image-text", put("tokens", image_of, lambda v: v.size)),
    "token of another modality": ("image-text", put("tokens", image_of, lambda v: v.slice_of(Modality.TEXT).start)),
    "mask among text": ("text", put("tokens", lambda row: 5, lambda v: Special.MASK)),
    "padding among text": ("text", put("tokens", lambda row: 5, lambda v: Special.PAD)),
    "token in padding": ("image-text", put("tokens", padding_of, lambda v: v.size - 1)),
    "task drawn": ("text", put("tokens", lambda row: 0, lambda v: Special.TEXT)),
    "task slot gone": ("text", put("tokens", lambda row: 0, lambda v: Special.EOA)),
    "modality": ("image-text", put("modality", image_of, lambda v: Modality.TEXT)),
    "modality of a mark": ("image-text", put("modality", lambda row: image_of(row) - 1, lambda v: Modality.IMAGE)),
    "segment number": ("image-text", put("segment", image_of, lambda v: 2)),
    "segment number of padding": ("image-text", put("segment", padding_of, lambda v: 1)),
    "segment numbers swapped": ("image-text", swap_numbers),
    "segment start": ("image-text", bend("segments", 1, start=1)),
    "segment length": ("image-text", bend("segments", 1, length=-1)),
    "segment overlap": ("image-text", bend("segments", 0, length=1)),
    "segment beyond the row": ("image-text", bend("segments", -1, length=512)),
    "segment missing": ("image-text", drop_segment),
    "span start": ("image-text", bend("spans", 1, start=1)),
    "span length": ("image-text", bend("spans", 1, length=-1)),
    "span modality": ("image-text", bend("spans", 1, modality=1)),
    "span segment": ("image-text", bend("spans", 1, segment=1)),
    "span missing": ("image-text", drop_span),
    "row missing": ("text", drop_row),
    "levels of a frame swapped": ("audio-text", swap_levels),
    "kind": ("image-text", bend("segments", 0, kind=-1)),
    "text bytes": ("text", bend("segments", 0, text_bytes=1)),
    "pixels": ("image-text", bend("segments", 0, pixels=1)),
    "samples": ("audio-text", bend("segments", 0, samples=1)),
    "offset": ("text", bend("segments", 0, offset=1)),
    "license": ("text", claim_a_license),
}


@pytest.mark.parametrize("damage", list(DAMAGE))
def test_damage_under_right_checksums_is_found(copy: Path, damage: str) -> None:
    group, change = DAMAGE[damage]
    rewrite(copy, group, change)
    found = findings(copy)
    assert found, damage
    assert all("\n" not in finding.problem for finding in found)


def test_a_ledger_or_statistics_that_do_not_follow_from_the_shards_are_found(copy: Path) -> None:
    manifest = Dataset(str(copy)).manifest
    ledger = [tally.model_dump() for tally in manifest.ledger]
    statistics = manifest.statistics.model_dump()
    docs = statistics["sources"]["docs"]

    def other(**changes: Any) -> dict[str, Any]:
        sources = statistics["sources"] | {"docs": docs | changes}
        return {"statistics": type(manifest.statistics).model_validate(statistics | {"sources": sources})}

    tally = type(manifest.ledger[0])
    cases: dict[str, dict[str, Any]] = {
        "unbalanced": {"ledger": tuple(tally.model_validate(line | {"kept": line["kept"] - 1}) for line in ledger)},
        "unlisted drop": {
            "ledger": tuple(
                tally.model_validate(line | {"rows_in": 121, "dropped": {"why": 1}} if i == 0 else line)
                for i, line in enumerate(ledger)
            )
        },
        "rows": {"statistics": manifest.statistics.model_copy(update={"rows": manifest.statistics.rows + 1})},
        "filled": {"statistics": manifest.statistics.model_copy(update={"filled": manifest.statistics.filled + 1})},
        "tokens": other(tokens={"text": docs["tokens"]["text"] + 1}),
        "segments": other(segments=docs["segments"] + 1),
        "samples": other(samples=docs["samples"] + 1),
        "text bytes": other(text_bytes=docs["text_bytes"] + 1),
        "lengths": other(lengths={5: 1}),
        "codebooks": {"codebooks": {}},
        "vocabulary": {"vocabulary": manifest.vocabulary.model_copy(update={"text": manifest.vocabulary.text + 1})},
    }
    missed = []
    for name, update in cases.items():
        before = (copy / "manifest.json").read_bytes()
        reseal(copy, update)
        if not findings(copy):
            missed.append(name)
        (copy / "manifest.json").write_bytes(before)
    assert missed == []


def test_the_list_of_dropped_rows_must_be_that_of_the_ledger(copy: Path) -> None:
    import pyarrow.parquet as pq

    from triptych.schemas.dataset.tables import DROPPED

    line = {"stage": "read", "source": "docs", "file": "0.jsonl.gz", "row": 3, "reason": "json_invalid", "detail": ""}
    pq.write_table(pa.Table.from_pylist([line], DROPPED), copy / "dropped.parquet")
    data = (copy / "dropped.parquet").read_bytes()
    entry = Dataset(str(copy)).manifest.dropped
    reseal(copy, {"dropped": entry.model_copy(update={"bytes": len(data), "xxh3": xxhash.xxh3_128_hexdigest(data)})})
    assert findings(copy) == [
        Finding("dropped.parquet", "read/docs/json_invalid: 1 rows are listed, the ledger counts 0")
    ]
