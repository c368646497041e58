"""The first rows of a source, kept and dropped as a run does."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from triptych.pipelines.preview.extent import extent
from triptych.pipelines.preview.heads import Head, read_head
from triptych.schemas.config.filters.union import AnyFilter
from triptych.schemas.config.run import Limits
from triptych.schemas.config.sources import Source


def head(rows: int, filters: tuple[dict[str, Any], ...] = (), limits: Limits | None = None, **tree: Any) -> Head:
    source = TypeAdapter(Source).validate_python({"name": "src", **tree})
    limits = limits or Limits()
    rules = tuple(TypeAdapter(AnyFilter).validate_python(rule) for rule in filters)
    return read_head(source, extent(source, limits, rows).parts, rules, limits, rows)


def test_every_reason_is_counted_with_the_most_frequent_first(tmp_path: Path) -> None:
    lines = ['{"text": "a long text"}', "{bad", '{"text": ""}', '{"text": "b"}', '{"text": "c"}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    found = head(10, ({"name": "text_length", "min_chars": 5},), kind="jsonl", path=f"{tmp_path}/a.jsonl", text="text")
    assert next(iter(found.reasons.items())) == ("text_length", 2)
    assert found.reasons == {"text_length": 2, "json_invalid": 1, "text_empty": 1}
    assert found.kept["text"].to_pylist() == ["a long text"]
    assert found.rows == 5
    assert found.bytes == len("a long text") + 2


def test_rows_are_shared_between_the_files(tmp_path: Path) -> None:
    for n in range(4):
        (tmp_path / f"{n}.jsonl").write_text("".join(f'{{"text": "{n} {i}"}}\n' for i in range(50)))
    spec: dict[str, Any] = {"kind": "jsonl", "path": f"{tmp_path}/*.jsonl", "text": "text"}
    assert head(8, **spec).kept["text"].to_pylist() == [f"{n} {i}" for n in range(4) for i in range(2)]
    assert head(8, **spec, limit=3).kept.num_rows == 3


def test_clips_of_the_head_are_decoded(tmp_path: Path, makers: Any) -> None:
    good = makers.clip(0)
    damaged = good[:26] + bytes(15) + b"x" + good[42:]  # the MD5 of other samples, so that only a decoder can tell
    makers.write_tar(tmp_path / "a.tar", {"0.flac": good, "0.txt": b"a", "1.flac": damaged, "1.txt": b"b"})
    spec: dict[str, Any] = {
        "kind": "webdataset",
        "path": f"{tmp_path}/a.tar",
        "modality": "audio-text",
        "audio": "flac",
    }
    found = head(10, **spec, text="txt")
    assert found.kept["text"].to_pylist() == ["a"]
    assert [(line["row"], line["reason"]) for line in found.dropped] == [(1, "audio_undecodable")]
    assert head(10, limits=Limits(seconds=0.4), **spec, text="txt").reasons == {"audio_too_long": 2}
