"""Members of archives that `files.find` finds by chained URLs, and their stamps."""

import tarfile
import zipfile
from pathlib import Path

import fsspec
import pytest

from triptych.pipelines.sources.files import find, whole_files
from triptych.schemas.errors import Refusal


def test_members_of_a_zip_are_found_by_a_chained_url(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "suite.zip", "w") as archive:
        archive.writestr("data/b.jsonl", '{"text": "b"}\n')
        archive.writestr("data/a.jsonl", '{"text": "a"}\n')
        archive.writestr("data/notes.txt", "no")
    units = whole_files("suite", f"zip://data/*.jsonl::{tmp_path}/suite.zip")
    assert [unit.label for unit in units] == ["a.jsonl", "b.jsonl"]
    with fsspec.open(units[1].path) as stream:
        assert stream.read() == b'{"text": "b"}\n'


def archives(folder: Path, text: bytes) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/a.jsonl", text)
    (folder / "a.jsonl").write_bytes(text)
    with tarfile.open(folder / "a.tar", "w") as tar:
        tar.add(folder / "a.jsonl", "data/a.jsonl")
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/archives/a.zip", (folder / "a.zip").read_bytes())


@pytest.mark.parametrize(
    "url",
    [
        "zip://data/*.jsonl::{0}/a.zip",
        "tar://data/*.jsonl::{0}/a.tar",
        "zip://data/*::memory://archives/a.zip",
        "zip://data/*::{0}/*.zip",
        "simplecache::file://{0}/a.jsonl",
        "filecache::file://{0}/*.jsonl",
        "zip://data/*::simplecache::memory://archives/a.zip",
    ],
)
def test_a_chained_url_has_one_stamp_until_the_outer_file_changes(tmp_path: Path, url: str) -> None:
    archives(tmp_path, b"first")
    first = whole_files("docs", url.format(tmp_path))
    assert first == whole_files("docs", url.format(tmp_path))
    assert [unit.label for unit in first] == ["a.jsonl"]
    with fsspec.open(first[0].path) as stream:
        assert stream.read() == b"first"
    archives(tmp_path, b"second")
    second = whole_files("docs", url.format(tmp_path))
    assert second[0].path == first[0].path
    assert second[0].stamp != first[0].stamp


def test_members_of_several_archives_are_told_apart(tmp_path: Path) -> None:
    archives(tmp_path, b"x")
    (tmp_path / "b.zip").write_bytes((tmp_path / "a.zip").read_bytes())
    assert [label for _, label in find("docs", f"zip://data/*::{tmp_path}/*.zip")] == ["a.zip/a.jsonl", "b.zip/a.jsonl"]
    (tmp_path / "c.zip").write_bytes(b"no archive")
    with pytest.raises(Refusal, match="is an archive that cannot be read") as refused:
        find("docs", f"zip://data/*::{tmp_path}/*.zip")
    assert refused.value.exit_code == 2
