"""Inputs that look unchanged are not read again; whatever changed is."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.sources import folder, jsonl, members
from triptych.pipelines.sources.base import Unit
from triptych.pipelines.sources.known_digests import KNOWN, Known, KnownDigests, mark_of, unit_key
from triptych.pipelines.sources.read import Input, find_units, identify
from triptych.schemas.config.run import Limits
from triptych.schemas.config.sources import FilesSource, FolderSource, JsonlSource, Source
from triptych.schemas.identity import file_fingerprint
from triptych.schemas.storage.store import Store

Again = Callable[..., list[Input]]
PARTITION = 1 << 20


@pytest.fixture
def again(tmp_path: Path) -> Again:
    """Identify the units of a source, as a run into one `out` does again and again."""
    store = Store(str(tmp_path / "out"))

    def run(source: Source, recheck: bool = False) -> list[Input]:
        units = find_units([source], Limits(), PARTITION, store.url)
        return identify(Serial(store, Journal()), units, Limits(), PARTITION, recheck)

    return run


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of the units that are hashed."""
    found: list[str] = []

    def counted(call: Any, path: Callable[[Any], str]) -> Any:
        def count(*arguments: Any) -> Any:
            found.append(path(arguments))
            return call(*arguments)

        return count

    monkeypatch.setattr(jsonl, "file_fingerprint", counted(file_fingerprint, lambda a: a[0]))
    monkeypatch.setattr(members, "_hashed", counted(members._hashed, lambda a: a[0].path))
    monkeypatch.setattr(folder.FolderReader, "_hashed", counted(folder.FolderReader._hashed, lambda a: a[1].path))
    return found


def lines(root: Path) -> JsonlSource:
    root.mkdir()
    for name in ("a", "b"):
        (root / f"{name}.jsonl").write_text(f'{{"text": "of {name}"}}\n')
    return JsonlSource(name="docs", kind="jsonl", path=f"{root}/*.jsonl", text="text")


def texts(root: Path) -> FilesSource:
    root.mkdir()
    for name in ("a", "b"):
        (root / f"{name}.txt").write_text(f"of {name}")
    return FilesSource(name="docs", kind="files", path=f"{root}/*.txt")


def pictures(root: Path) -> FolderSource:
    root.mkdir()
    (root / "metadata.csv").write_text("file_name,text\na.png,of a\nb.png,of b\nmissing.png,of none\n")
    for name in ("a", "b"):
        (root / f"{name}.png").write_bytes(b"bytes of a picture " + name.encode())
    return FolderSource(
        name="pictures", kind="folder", path=str(root), modality="image-text", text="text", image="file_name"
    )


CASES = [(lines, "b.jsonl"), (texts, "b.txt"), (pictures, "b.png"), (pictures, "metadata.csv")]


@pytest.mark.parametrize(("make", "changed"), CASES)
def test_only_what_changed_is_read_again(
    make: Callable[[Path], Source], changed: str, again: Again, reads: list[str], tmp_path: Path
) -> None:
    source = make(tmp_path / "in")
    first = again(source)
    assert reads
    reads.clear()
    assert again(source) == first
    assert reads == []
    assert again(source, recheck=True) == first
    assert len(reads) == len(first)
    reads.clear()
    # the same number of bytes, and the time of before: only the time that the kernel sets tells of it
    path = tmp_path / "in" / changed
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(b"of", b"or").replace(b"bytes", b"other"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = again(source)
    assert [item.digest for item in after] != [item.digest for item in first]
    assert len(reads) == 1
    reads.clear()
    assert again(source) == after
    assert reads == []


def test_a_file_that_appears_in_the_place_of_a_missing_one_is_read(
    again: Again, reads: list[str], tmp_path: Path
) -> None:
    source = pictures(tmp_path / "in")
    (before,) = again(source)
    (tmp_path / "in/missing.png").write_bytes(b"found")
    (after,) = again(source)
    assert before.digest != after.digest


def test_another_choice_of_columns_or_limits_is_another_digest(tmp_path: Path) -> None:
    unit = Unit("file.jsonl", "file.jsonl")
    keys = {unit_key("source", unit), unit_key("other", unit), unit_key("source", Unit("file.jsonl", "other"))}
    keys |= {unit_key("source", Unit("file.jsonl", "file.jsonl", most=5))}
    keys |= {unit_key("source", Unit("file.jsonl", "file.jsonl", members=(("a", "b"),)))}
    keys |= {unit_key("source", Unit("file.jsonl", "file.jsonl", members=(("a",), ("b",))))}
    assert len(keys) == 6


@pytest.mark.parametrize("damage", [b"", b"no Arrow file", None])
def test_a_damaged_record_only_costs_time(damage: bytes | None, again: Again, reads: list[str], tmp_path: Path) -> None:
    source = lines(tmp_path / "in")
    first = again(source)
    known = tmp_path / "out" / KNOWN
    known.write_bytes(known.read_bytes()[:-20] if damage is None else damage)
    assert again(source) == first
    assert len(reads) == 4


def test_what_has_no_version_is_not_kept(tmp_path: Path) -> None:
    assert mark_of(None) is None
    memory = fsspec.filesystem("memory")
    memory.pipe_file(f"{tmp_path}/a", b"one")
    first = mark_of([f"memory://{tmp_path}/a"])
    memory.pipe_file(f"{tmp_path}/a", b"two")
    assert first != mark_of([f"memory://{tmp_path}/a"])
    assert mark_of([f"memory://{tmp_path}/none"]) == mark_of([f"memory://{tmp_path}/none"])
    (tmp_path / "a").write_bytes(b"one")
    assert mark_of([str(tmp_path / "a")]) != mark_of([str(tmp_path / "b")])
    memory.rm(f"{tmp_path}/a")


def test_the_record_is_found_by_unit(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    empty = KnownDigests.read(store)
    units = [unit_key("source", Unit(f"{number}", "label")) for number in range(3)]
    assert empty.find(units) == [None] * 3
    found = [(bytes([number]) * 16, f"{number:032x}") for number in range(2)]
    empty.keep(store, units, [Known(*found[0]), Known(*found[1]), Known(None, "0" * 32)])
    known = KnownDigests.read(store)
    assert known.lines.schema.field("unit").type == pa.binary(16)
    assert known.find(units[::-1]) == [None, Known(*found[1]), Known(*found[0])]
