"""A folder and its table: what lies there is read, what lies elsewhere never is."""

import csv
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.pipelines.sources.base import Reader
from triptych.pipelines.sources.folder_files import is_inside
from triptych.schemas.errors import Refusal

from .conftest import Read


def config(path: Path | str, **more: Any) -> dict[str, Any]:
    spec = {"kind": "folder", "path": str(path), "modality": "image-text", "image": "file_name", "text": "text"}
    spec |= more
    return {key: value for key, value in spec.items() if value is not None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "sub").mkdir(parents=True)
    for n in range(4):
        (home / "sub" / f"{n}.png").write_bytes(b"p" * 10 * n)
    return home


def test_csv_with_quotes_newlines_and_a_byte_order_mark(folder: Path, read: Callable[..., Read]) -> None:
    rows = [("sub/1.png", 'a, "quoted"\nnewline'), ("sub/2.png", "café"), ("sub/0.png", "")]
    with (folder / "metadata.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([("file_name", "text"), *rows])
    got = read(**config(folder))
    assert got.rows == [
        {"row": n, "text": text, "image": b"p" * 10 * int(name[4])} for n, (name, text) in enumerate(rows)
    ]
    assert got.labels == ["metadata.csv"]
    assert not got.drops


def test_jsonl_and_tsv_tables_and_a_name_of_their_own(folder: Path, read: Callable[..., Read]) -> None:
    (folder / "metadata.jsonl").write_text('{"file_name":"sub/1.png","text":"one"}\n\n{"text":"x"}\nno\n')
    got = read(**config(folder))
    assert got.column("text") == ["one"]
    assert got.reasons == {2: "image_missing", 3: "json_invalid"}
    (folder / "t.tsv").write_text("text\tfile_name\nfrom, tsv\tsub/1.png\n")
    assert read(**config(folder, table="t.tsv")).column("text") == ["from, tsv"]
    (folder / "t.csv.gz").write_bytes(gzip.compress(b"text,file_name\n" + b"packed,sub/1.png\n" * 9)[:-9])
    got = read(**config(folder, table="t.csv.gz"))
    assert got.column("text") == ["packed"] * 9
    assert got.reasons == {-1: "file_truncated"}


def test_names_that_leave_the_folder_are_never_opened(folder: Path, read: Callable[..., Read]) -> None:
    outside = folder.parent / "secret.png"
    outside.write_bytes(b"secret")
    (folder / "link.png").symlink_to(outside)
    (folder / "up").symlink_to(folder.parent)
    (folder / "inner.png").symlink_to("sub/2.png")
    os.mkfifo(folder / "pipe.png")
    names = ["../secret.png", str(outside), "link.png", "up/secret.png", "sub/../../secret.png", "..", "/"]
    names += ["inner.png", "sub/../sub/1.png", "pipe.png", "sub", "none.png", "sub/1.png/x", "", "a\0b"]
    table = [json.dumps({"file_name": name, "text": "t"}) for name in names]
    (folder / "metadata.jsonl").write_text("\n".join(table))
    got = read(**config(folder))
    assert got.rows == [{"row": 7, "text": "t", "image": b"p" * 20}, {"row": 8, "text": "t", "image": b"p" * 10}]
    assert got.reasons == {
        **dict.fromkeys(range(7), "path_outside_folder"),
        9: "file_unreadable",
        10: "file_unreadable",
        **dict.fromkeys([11, 12, 13, 14], "image_missing"),
    }


part = st.sampled_from(["a", "..", ".", "", "b.png"])


@settings(deadline=None)
@given(st.lists(part, max_size=6).map("/".join))
def test_inside_means_that_the_resolved_path_is_below(name: str) -> None:
    fs = fsspec.filesystem("memory")
    assert is_inside(fs, "/x/y", name) == f"{os.path.normpath(os.path.join('/x/y', name))}/".startswith("/x/y/")


def test_bad_records_are_dropped_by_reason(folder: Path, read: Callable[..., Read]) -> None:
    lines = [
        b"file_name,text",
        b"sub/1.png,fine",
        b"",
        b"sub/1.png,b,extra",
        b"sub/1.png",
        b"sub/1.png,\xff",
        b'sub/1.png,"a" b',
        b"sub/3.png,picture too large",
        b"sub/1.png," + b"w" * 40,
        b'sub/1.png,"' + b"w" * 15 + b"\n" + b"w" * 15 + b'"',
        b"sub/0.png,zero bytes",
        b'sub/1.png,"never closed',
        b"sub/1.png,after it",
    ]
    (folder / "metadata.csv").write_bytes(b"\r\n".join(lines))
    got = read(row_bytes=29, budget=200, **config(folder))
    assert got.column("text") == ["fine", "zero bytes", "after it"]
    assert got.reasons == {
        **dict.fromkeys([2, 3, 5, 10], "csv_invalid"),
        **dict.fromkeys([6, 7, 8], "row_too_large"),
        4: "utf8_invalid",
    }


def test_units_hold_about_a_partition_and_join_to_the_whole(
    folder: Path, opened: Callable[..., Reader], read: Callable[..., Read]
) -> None:
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file_name", "text"), *((f"sub/{n % 4}.png", "t" * 5) for n in range(40))])
    units = opened(budget=100, **config(folder)).units()
    assert [unit.start for unit in units[1:]] == [unit.stop for unit in units[:-1]]
    assert len(units) == 10  # 80 bytes every four rows
    got = read(budget=100, **config(folder))
    assert got.column("row") == list(range(40))
    assert got.rows == read(**config(folder)).rows
    assert all(sum(map(len, table["image"].to_pylist())) <= 80 for table in got.tables)


def test_digest_covers_records_and_files_of_the_unit(folder: Path, read: Callable[..., Read]) -> None:
    (folder / "metadata.csv").write_text("file_name,text,note\nsub/1.png,a,x\nsub/2.png,b,x\n")

    def digests() -> list[str]:
        return read(budget=12, **config(folder)).digests

    base = digests()
    assert len(base) == 2
    (folder / "metadata.csv").write_text("file_name,text,note\nsub/1.png,a,y\nsub/2.png,b,y\n")
    assert digests() == base
    os.rename(folder / "sub", folder / "new")
    (folder / "metadata.csv").write_text("text,file_name\na,new/1.png\nb,new/2.png\n")
    assert digests() == base
    (folder / "new/2.png").write_bytes(b"q" * 20)
    changed = digests()
    assert (changed[0] == base[0], changed[1] == base[1]) == (True, False)


def test_text_alone_and_memory_urls(read: Callable[..., Read]) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/folder/metadata.csv", b"file_name,text\na.wav,hello\n../b.wav,out\nc.wav,none\n")
    fs.pipe_file("/folder/a.wav", b"RIFF")
    path = "memory://folder"
    assert read(**config(path, modality="text", image=None)).column("text") == ["hello", "out", "none"]
    got = read(**config(path, modality="audio-text", image=None, audio="file_name"))
    assert got.rows == [{"row": 0, "text": "hello", "audio": b"RIFF"}]
    assert got.reasons == {1: "path_outside_folder", 2: "audio_missing"}


@pytest.mark.parametrize(
    ("table", "more", "said"),
    [
        (
            "file_name,text\na,b\n",
            {"text": "caption"},
            "is 'caption': metadata.csv has no such column",
        ),
        ("file_name,text\na,b\n", {"image": "a;b"}, "Use one of: file_name, text."),
        ("", {}, "has no header line"),
        (None, {}, "has no metadata.csv or metadata.jsonl"),
        ("x", {"table": "other.csv"}, "has no other.csv"),
        ("x", {"path": "nowhere"}, "does not exist"),
    ],
)
def test_what_cannot_start_is_refused(
    folder: Path, opened: Callable[..., Reader], table: str | None, more: dict[str, Any], said: str
) -> None:
    if table is not None:
        (folder / "metadata.csv").write_text(table)
    with pytest.raises(Refusal) as refused:
        opened(**{**config(folder), **more}).units()
    assert said in str(refused.value)


CLOSED = """
config = dict(kind='folder', modality='image-text', image='file_name', text='text')
reader = open_(path={folder!r}, **config)
(unit,) = reader.units()
for batch in reader.read(unit):
    print(batch.table['row'].to_pylist(), [(drop.row, drop.reason) for drop in batch.drops])
try:
    open_(path={folder!r} + '/closed', **config).units()
except Refusal as refusal:
    print(refusal)
"""


def test_files_and_folders_without_read_permission(open_to_all: Path, unprivileged: Callable[[str], str]) -> None:
    for name in ("open.png", "forbidden.png", "closed/in.png"):
        (open_to_all / name).parent.mkdir(exist_ok=True)
        (open_to_all / name).write_bytes(b"png")
    (open_to_all / "metadata.csv").write_text("file_name,text\nopen.png,a\nforbidden.png,b\nclosed/in.png,c\n")
    (open_to_all / "forbidden.png").chmod(0)
    (open_to_all / "closed").chmod(0)
    rows, refusal = unprivileged(CLOSED.format(folder=str(open_to_all))).splitlines()
    (open_to_all / "closed").chmod(0o755)
    assert rows == "[0] [(1, 'file_unreadable'), (2, 'file_unreadable')]"
    assert "closed, which this user may not read" in refusal
