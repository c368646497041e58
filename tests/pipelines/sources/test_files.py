"""Globs, labels and refusals of `files.find`."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from triptych.pipelines.sources.files import find, whole_files
from triptych.schemas.errors import Refusal


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b/2.jsonl", "b/1.jsonl", "a/3.jsonl", "a/x.txt", "a/deep/er/4.jsonl"):
        path = tmp_path / "corpora" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ("corpora/b/*.jsonl", ["1.jsonl", "2.jsonl"]),
        ("corpora/*/*.jsonl", ["a/3.jsonl", "b/1.jsonl", "b/2.jsonl"]),
        ("corpora/**/*.jsonl", ["a/3.jsonl", "a/deep/er/4.jsonl", "b/1.jsonl", "b/2.jsonl"]),
        ("corpora/b/[1]*", ["1.jsonl"]),
        ("corpora/a/x.txt", ["x.txt"]),
    ],
)
def test_labels_are_sorted_and_the_same_wherever_the_folder_lies(tree: Path, path: str, labels: list[str]) -> None:
    for spelling in (path, f"./{path}", str(tree / path), f"file://{tree / path}"):
        assert [label for _, label in find("docs", spelling)] == labels
    for url, label in find("docs", path):
        with fsspec.open(url, "rt") as file:
            assert file.read().endswith(label.rpartition("/")[2])


def test_a_name_with_wildcard_characters_is_taken_as_it_is_when_it_exists(tree: Path) -> None:
    Path("corpora/[1].jsonl").write_text("x")
    assert [label for _, label in find("docs", "corpora/[1].jsonl")] == ["[1].jsonl"]


def test_a_name_that_is_no_utf8_gets_a_label_that_is(tree: Path) -> None:
    Path("corpora/b/" + os.fsdecode(b"\xff.jsonl")).write_text("x")
    (found,) = [pair for pair in find("docs", "corpora/b/*.jsonl") if pair[1][0] not in "12"]
    found[1].encode()
    with fsspec.open(found[0], "rb") as file:
        assert file.read() == b"x"


def test_memory_urls(tree: Path) -> None:
    fs = fsspec.filesystem("memory")
    for name in ("/find/2.x", "/find/1.x"):
        fs.pipe_file(name, b"1")
    assert find("docs", "memory://find/*.x") == [("memory:///find/1.x", "1.x"), ("memory:///find/2.x", "2.x")]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("corpora/*.parquet", "matches no file"),
        ("nowhere/*.jsonl", "does not exist"),
        ("corpora/b/9.jsonl", "does not exist"),
        ("corpora/b", "is a folder"),
        ("corpora/b/1.jsonl/x", "does not exist"),
        ("zork://x", "cannot be opened"),
    ],
)
def test_refusals_name_key_value_and_fix(tree: Path, path: str, problem: str) -> None:
    with pytest.raises(Refusal) as refused:
        find("docs", path)
    message = str(refused.value)
    assert message.startswith(f"`sources.docs.path` is {path!r}: it {problem}")
    assert "\n" not in message
    assert message.count(". ") >= 1  # what is wrong, then what to do


CLOSED = """
os.chdir({tree!r})
for path in ({paths}):
    try:
        print([unit.label for unit in open_(kind='jsonl', path=path, modality='text', text='t').units()])
    except Refusal as refusal:
        print(refusal)
"""


def test_a_folder_or_file_without_read_permission_is_refused(
    open_to_all: Path, unprivileged: Callable[[str], str]
) -> None:
    for name in ("b/1.jsonl", "a/3.jsonl", "a/x.txt"):
        (open_to_all / name).parent.mkdir(exist_ok=True)
        (open_to_all / name).write_text("{}")
    (open_to_all / "a/3.jsonl").chmod(0)
    (open_to_all / "b").chmod(0)
    paths = ["b/*.jsonl", "*/1.jsonl", "a/*.jsonl", "a*/x.txt"]
    lines = unprivileged(CLOSED.format(tree=str(open_to_all), paths=repr(paths)[1:-1])).splitlines()
    (open_to_all / "b").chmod(0o755)
    assert all("this user may not read" in line for line in lines[:3])
    assert "/b, which" in lines[1]
    assert "3.jsonl, which" in lines[2]
    assert lines[3] == "['a/x.txt']"


def test_members_of_a_zip_are_found_by_a_chained_url(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "suite.zip", "w") as archive:
        archive.writestr("data/b.jsonl", '{"text": "b"}\n')
        archive.writestr("data/a.jsonl", '{"text": "a"}\n')
        archive.writestr("data/notes.txt", "no")
    units = whole_files("suite", f"zip://data/*.jsonl::{tmp_path}/suite.zip")
    assert [unit.label for unit in units] == ["a.jsonl", "b.jsonl"]
    with fsspec.open(units[1].path) as stream:
        assert stream.read() == b'{"text": "b"}\n'
