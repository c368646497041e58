"""Globs, links, labels and refusals of `files.find`."""

import os
import socket
import unicodedata
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from triptych.pipelines.sources.change_detection import stamp
from triptych.pipelines.sources.files import find
from triptych.pipelines.sources.own_output import no_source_below
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


def labels(path: object) -> list[str]:
    return [label for _, label in find("docs", str(path))]


def refusal(path: object) -> str:
    with pytest.raises(Refusal) as refused:
        find("docs", str(path))
    assert refused.value.exit_code == 2
    return str(refused.value)


def test_links_are_what_they_lead_to(tmp_path: Path) -> None:
    """The layout of a cache of the hub: files are links to `blobs`, named by their hash."""
    (tmp_path / "blobs").mkdir()
    snapshot = tmp_path / "snapshots/main/data"
    snapshot.mkdir(parents=True)
    for name in "ba":
        (tmp_path / f"blobs/{ord(name)}").write_text(name)
        (snapshot / f"{name}.jsonl").symlink_to(f"../../../blobs/{ord(name)}")
    (tmp_path / "latest").symlink_to("snapshots/main")
    (tmp_path / "all").mkdir()
    (tmp_path / "all/data").symlink_to("../snapshots/main/data")
    assert labels(snapshot / "*.jsonl") == labels(tmp_path / "latest/data/*") == ["a.jsonl", "b.jsonl"]
    assert labels(tmp_path / "all/*/*.jsonl") == labels(tmp_path / "all/**/*.jsonl") == ["data/a.jsonl", "data/b.jsonl"]
    assert labels(snapshot / "a.jsonl") == ["a.jsonl"]
    urls = [url for url, _ in find("docs", str(snapshot / "*"))]
    assert urls == [f"file://{snapshot}/{name}.jsonl" for name in "ab"]
    before = stamp(urls[0])
    (tmp_path / "blobs/97").write_text("changed")
    assert stamp(urls[0]) != before


def test_a_path_is_found_once_however_many_ways_lead_to_it(tree: Path) -> None:
    assert labels("corpora/**/**/*.jsonl") == labels("corpora/**/*.jsonl")


@pytest.mark.parametrize("pattern", ["*.jsonl", "gone.jsonl", "**/*.jsonl"])
def test_a_dangling_link_is_refused_by_name(tree: Path, pattern: str) -> None:
    Path("corpora/b/gone.jsonl").symlink_to("nothing")
    message = refusal(f"corpora/b/{pattern}")
    assert "a link to something that does not exist" in message
    assert "gone.jsonl" in message


def test_a_dangling_link_where_a_folder_is_needed(tree: Path) -> None:
    Path("corpora/c").symlink_to("/nowhere/at/all")
    assert "corpora/c, which is a link to something" in refusal("corpora/*/*.jsonl")
    assert "corpora/c, which is a link to something" in refusal("corpora/**/*.jsonl")
    Path("corpora/c").unlink()
    Path("corpora/other.png").symlink_to("annex/sha256.png")  # never fetched, and not matched
    assert len(labels("corpora/**/*.jsonl")) == 4


def test_loops_of_links_are_refused_by_name(tree: Path) -> None:
    Path("corpora/a/again").symlink_to("..")
    assert "corpora/a/again, which is a link that leads back to itself" in refusal("corpora/**/*.jsonl")
    Path("x.jsonl").symlink_to("y.jsonl")
    Path("y.jsonl").symlink_to("x.jsonl")
    assert "is a link that leads back to itself" in refusal("x.jsonl")
    assert "x.jsonl, which is a link that leads back to itself" in refusal("*.jsonl")


def test_pipes_sockets_and_devices_are_refused_by_name(tree: Path) -> None:
    os.mkfifo("corpora/b/pipe.jsonl")
    for pattern in ("*.jsonl", "pipe.jsonl"):
        assert "is a named pipe. Write its data to a file" in refusal(f"corpora/b/{pattern}")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("s.jsonl")
        assert "is a socket." in refusal("s.jsonl")
    assert "is a device." in refusal("/dev/null")


def test_hidden_files_are_matched_by_a_dot_alone(tree: Path) -> None:
    for name in ("._1.jsonl", ".checkpoints/1.jsonl"):
        (tree / "corpora/b" / name).parent.mkdir(exist_ok=True)
        (tree / "corpora/b" / name).write_text("x")
    assert labels("corpora/b/**/*.jsonl") == ["1.jsonl", "2.jsonl"]
    assert labels("corpora/b/.*.jsonl") == ["._1.jsonl"]
    assert labels("corpora/b/.checkpoints/*") == ["1.jsonl"]
    fs = fsspec.filesystem("memory")
    for name in ("/hidden/1.x", "/hidden/.2.x"):
        fs.pipe_file(name, b"1")
    assert labels("memory://hidden/*.x") == ["1.x"]
    assert labels("memory://hidden/.*.x") == [".2.x"]
    assert "begins with a dot, such as" in refusal("corpora/b/[!1-9]*.jsonl")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("corpora/{a,b}/*.jsonl", "Braces are not expanded"),
        ("corpora/b/{1..2}.jsonl", "Braces are not expanded"),
        ("corpora/x[1]/*.jsonl", "corpora/x[[]1]/*.jsonl"),
        ("corpora/x[1]/n[2]*", "corpora/x[[]1]/n[2]*"),
        ("corpora/b/[7-9].jsonl", "Brackets hold characters"),
        ("corpora/b/*.JSONL", "Upper and lower case differ: there is"),
        ("corpora/*", "It matches folders only"),
    ],
)
def test_a_glob_that_finds_nothing_is_explained(tree: Path, path: str, said: str) -> None:
    Path("corpora/x[1]").mkdir()
    Path("corpora/x[1]/a.jsonl").write_text("x")
    assert said in refusal(path)


def test_escaped_brackets_and_literal_names(tree: Path) -> None:
    Path("corpora/x[1]").mkdir()
    for name in ("a.jsonl", "{a,b}.jsonl", "what?.jsonl", "*.jsonl"):
        Path("corpora/x[1]", name).write_text("x")
        assert labels(f"corpora/x[1]/{name}") == [name]
    assert len(labels("corpora/x[[]1]/*.jsonl")) == 4


@pytest.mark.parametrize(
    "spelling", ["corpora/out", "{tree}/corpora/out", "file://{tree}/corpora/out", "link", "~/out"]
)
def test_nothing_below_out_is_a_source(tree: Path, spelling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tree / "corpora"))
    for name in ("_work/read/a.jsonl", "dropped.jsonl"):
        (tree / "corpora/out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / "corpora/out" / name).write_text("x")
    Path("link").symlink_to("corpora/out")
    Path("corpora/b/3.jsonl").symlink_to("../out/dropped.jsonl")
    Path("corpora/c").symlink_to("out")
    with no_source_below(spelling.format(tree=tree)):
        assert labels("corpora/**/*.jsonl") == ["a/3.jsonl", "a/deep/er/4.jsonl", "b/1.jsonl", "b/2.jsonl"]
        for path in ("corpora/out/*.jsonl", "corpora/out/dropped.jsonl", "link/*.jsonl", "corpora/b/3.jsonl"):
            assert "lies below `out`" in refusal(path)
    assert len(labels("corpora/**/*.jsonl")) == 9


def test_nothing_below_out_in_a_store_is_a_source() -> None:
    fs = fsspec.filesystem("memory")
    for name in ("/own/a.x", "/own/out/b.x", "/own/outer/c.x"):
        fs.pipe_file(name, b"1")
    with no_source_below("memory://own/out"):
        assert labels("memory://own/**/*.x") == ["a.x", "outer/c.x"]
        assert "lies below `out`" in refusal("memory://own/out/*.x")


@pytest.mark.parametrize("pattern", ["*.jsonl", "a::b.jsonl"])
def test_a_name_with_colons_that_divide_urls_is_refused(
    tmp_path: Path, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a::b.jsonl").write_text("{}")
    with pytest.raises(Refusal, match=r"a::b\.jsonl, whose name has `::`"):
        find("docs", pattern)


def test_another_spelling_of_a_name_is_shown(tmp_path: Path) -> None:
    (tmp_path / unicodedata.normalize("NFD", "é.jsonl")).write_text("{}")
    with pytest.raises(Refusal, match="composed in another way"):
        find("docs", f"{tmp_path}/{unicodedata.normalize('NFC', 'é.jsonl')}")


def test_a_cache_that_keeps_parts_of_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}")
    with pytest.raises(Refusal, match="use simplecache"):
        find("docs", f"blockcache::file://{tmp_path}/a.jsonl")
