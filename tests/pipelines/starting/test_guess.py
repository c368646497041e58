"""Rules of `triptych init`, one after another: what one explains, the next ones do not see."""

from pathlib import Path
from typing import Any

from triptych.pipelines.starting.guess import guess
from triptych.pipelines.starting.listing import list_files


def kinds(path: Path) -> list[tuple[str, str]]:
    listing, about = list_files(str(path))
    return [(one.keys["kind"], one.keys["path"].removeprefix(f"{path}")) for one in guess(listing, about).sources]


def test_a_text_beside_an_image_is_no_document(tmp_path: Path, makers: Any) -> None:
    for n in range(2):
        (tmp_path / f"{n}.png").write_bytes(makers.picture(n))
        (tmp_path / f"{n}.txt").write_text("a caption")
    assert kinds(tmp_path) == [("folder", "")]
    (tmp_path / "notes.txt").write_text("a document")
    assert kinds(tmp_path) == [("folder", ""), ("files", "/notes.txt")]


def test_each_extension_of_documents_is_a_source_with_the_most_files_first(tmp_path: Path) -> None:
    for name in ("a.md", "b.py", "c/d.py", "e.txt.gz", "README.md", "f.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("words")
    assert kinds(tmp_path) == [("files", "/**/*.py"), ("files", "/a.md")]


def test_only_the_named_file_is_about_its_folder(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("words")
    assert kinds(tmp_path / "b.txt") == [("files", "")]
