"""Files of one name are a sample; a file without its partner, or a second one for a field, is a dropped row by name."""

from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.sources.base import Drop
from triptych.pipelines.sources.paired_files import PairedFilesReader
from triptych.schemas.config.run import Limits
from triptych.schemas.config.sources import FolderSource
from triptych.schemas.errors import Refusal


def reader(folder: Path, budget: int = 1 << 20, limits: Limits | None = None, **keys: Any) -> PairedFilesReader:
    base = {"name": "s", "kind": "folder", "path": str(folder), "modality": "image-text", "pair_by": "name"}
    source = FolderSource.model_validate(base | {"image": "jpg;png", "text": "txt"} | keys)
    return PairedFilesReader(source, limits or Limits(), budget)


def write(folder: Path, **files: bytes) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def read(of: PairedFilesReader) -> tuple[list[dict[str, Any]], list[Drop]]:
    batches = [batch for unit in of.units() for batch in of.read(unit)]
    return [row for each in batches for row in each.table.to_pylist()], [
        drop for each in batches for drop in each.drops
    ]


def test_partners_in_any_case_and_in_folders(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{
            "b/1.PNG": b"p",
            "b/1.txt": b"\xef\xbb\xbfone",
            "a.b.jpg": b"q",
            "a.b.txt": "two".encode("utf-16"),
            "c.md": b"-",
        },
    )
    rows, drops = read(reader(tmp_path))
    assert [(row["file"], row["text"], row["image"]) for row in rows] == [
        ("a.b.jpg", "two", b"q"),
        ("b/1.PNG", "one", b"p"),
    ]
    assert drops == []


def test_a_file_without_its_partner_is_dropped_by_name(tmp_path: Path) -> None:
    write(tmp_path, **{"1.jpg": b"p", "2.txt": b"t", "d/1.txt": b"of another folder"})
    rows, drops = read(reader(tmp_path))
    assert rows == []
    assert sorted((drop.file, drop.reason) for drop in drops) == [
        ("1.jpg", "text_missing"),
        ("2.txt", "image_missing"),
        ("d/1.txt", "image_missing"),
    ]


def test_of_two_pictures_the_extension_named_first_is_read_and_the_other_dropped(tmp_path: Path) -> None:
    write(tmp_path, **{"1.png": b"second", "1.jpg": b"first", "1.txt": b"t"})
    rows, drops = read(reader(tmp_path))
    assert [row["image"] for row in rows] == [b"first"]
    assert [(drop.file, drop.reason) for drop in drops] == [("1.png", "text_missing")]


def test_bytes_that_are_no_text_and_files_that_are_too_large(tmp_path: Path) -> None:
    write(
        tmp_path, **{"1.jpg": b"p", "1.txt": b"\xff", "2.jpg": b"p" * 5000, "2.txt": b"t", "3.jpg": b"p", "3.txt": b"t"}
    )
    rows, drops = read(reader(tmp_path, limits=Limits(row_bytes=4096)))
    assert [row["file"] for row in rows] == ["3.jpg"]
    assert [drop.reason for drop in drops] == ["utf8_invalid", "row_too_large"]


def test_a_link_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, secret=b"secret", **{"d/1.jpg": b"p"})
    (tmp_path / "d/1.txt").symlink_to(tmp_path / "secret")
    rows, drops = read(reader(tmp_path / "d"))
    assert rows == []
    assert [drop.reason for drop in drops] == ["path_outside_folder"]


def test_names_with_a_dot_at_the_start_are_no_samples(tmp_path: Path) -> None:
    write(tmp_path, **{"1.jpg": b"p", "1.txt": b"t", "._1.jpg": b"\0\5", "._1.txt": b"\0\5", ".c/2.jpg": b"q"})
    rows, drops = read(reader(tmp_path))
    assert ([row["file"] for row in rows], drops) == (["1.jpg"], [])


def test_links_to_folders_are_followed_and_loops_are_refused(tmp_path: Path) -> None:
    write(tmp_path, **{"a/1.jpg": b"p", "a/1.txt": b"t", "c/2.txt": b"t"})
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "c/2.jpg").symlink_to("nothing")
    rows, drops = read(reader(tmp_path))
    assert [row["file"] for row in rows] == ["a/1.jpg", "b/1.jpg"]
    assert [(drop.file, drop.reason) for drop in drops] == [("c/2.jpg", "file_unreadable")]
    (tmp_path / "c/up").symlink_to("..")
    with pytest.raises(Refusal, match="c/up, which is a link that leads back to itself"):
        reader(tmp_path).units()


def test_units_hold_about_the_budget_and_limit_counts_samples(tmp_path: Path) -> None:
    write(tmp_path, **{f"{n}.{kind}": b"x" * 50 for n in range(6) for kind in ("jpg", "txt")})
    assert [len(unit.members) for unit in reader(tmp_path, budget=200).units()] == [2, 2, 2]
    assert [row["file"] for row in read(reader(tmp_path, limit=2))[0]] == ["0.jpg", "1.jpg"]


def test_the_digest_is_of_names_and_content(tmp_path: Path) -> None:
    write(tmp_path, **{"1.jpg": b"p", "1.txt": b"t"})
    before = [reader(tmp_path).digest(unit) for unit in reader(tmp_path).units()]
    write(tmp_path, **{"1.txt": b"u"})
    assert [reader(tmp_path).digest(unit) for unit in reader(tmp_path).units()] != before


def test_a_folder_without_such_files_is_refused(tmp_path: Path) -> None:
    write(tmp_path, **{"1.gif": b"p"})
    with pytest.raises(Refusal, match="no file that ends in one of: jpg, png, txt"):
        reader(tmp_path).units()
