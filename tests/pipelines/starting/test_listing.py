"""Files below a path, and what is none of them."""

from pathlib import Path

import fsspec
import pytest

from triptych.pipelines.starting import listing
from triptych.pipelines.starting.listing import Listing, is_about, list_files
from triptych.schemas.errors import Refusal


def test_hidden_files_and_work_of_a_run_are_left_out(tmp_path: Path) -> None:
    for name in ("b/2.txt", "a.txt", ".git/x.txt", "b/.hidden", "_work/read/1.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    found, about = list_files(f"{tmp_path}/")
    assert found.files == about == ("a.txt", "b/2.txt")
    assert (found.root, found.url("b/2.txt"), found.url("")) == (str(tmp_path), f"{tmp_path}/b/2.txt", str(tmp_path))
    found, about = list_files(str(tmp_path / "b/2.txt"))
    assert (found.root, found.files, about) == (str(tmp_path / "b"), ("2.txt",), ("2.txt",))


def test_a_store_is_listed_by_its_url() -> None:
    fsspec.filesystem("memory").pipe_file("/listing/a/1.txt", b"x")
    found, _ = list_files("memory://listing")
    assert (found.files, found.url("a/1.txt")) == (("a/1.txt",), "memory://listing/a/1.txt")


def test_more_files_than_are_listed_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST", 3)
    for name in "abcde":
        (tmp_path / name).write_text("x")
    found, _ = list_files(str(tmp_path))
    assert (found.files, found.whole) == (("a", "b", "c"), False)


@pytest.mark.parametrize(("path", "said"), [("none", "does not exist"), (".", "is an empty folder"), ("zork://x", "")])
def test_where_nothing_is_is_refused(tmp_path: Path, path: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refusal, match=rf"^{path}: {said or 'cannot be opened'}"):
        list_files(path)


def test_what_a_source_explains_is_still_there_for_globs() -> None:
    found = Listing("root", ("README.md", "a.png", "b.wav", "c.txt")).without(["a.png"])
    assert found.media == ("b.wav",)
    assert found.every == ("README.md", "b.wav", "c.txt", "a.png")
    assert [name for name in found.every if is_about(name)] == ["README.md"]
