"""A glob finds what a shell finds, follows links, and passes over nothing that it cannot read."""

import os
import re
from pathlib import Path

import pytest

from triptych.pipelines.sources.local_glob import BadPath, Found, local_glob, what_is


def write(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def test_links_to_files_and_to_folders_are_followed(tmp_path: Path) -> None:
    write(tmp_path / "blobs/1", tmp_path / "other/b.txt")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").symlink_to(tmp_path / "blobs/1")
    (tmp_path / "data/more").symlink_to(tmp_path / "other")
    paths = list(local_glob(f"{tmp_path}/data/**/*.txt", lambda _: False))
    assert paths == [(f"{tmp_path}/data/a.txt", Found.FILE), (f"{tmp_path}/data/more/b.txt", Found.FILE)]


def test_no_path_comes_twice_and_names_are_in_order(tmp_path: Path) -> None:
    write(tmp_path / "b/c/2.txt", tmp_path / "b/1.txt", tmp_path / "a.txt")
    paths = [path for path, _ in local_glob(f"{tmp_path}/**/**/*.txt", lambda _: False)]
    assert paths == [f"{tmp_path}/{name}" for name in ("a.txt", "b/1.txt", "b/c/2.txt")]


def test_a_wildcard_matches_no_dot_at_the_start(tmp_path: Path) -> None:
    write(tmp_path / "d/.hidden.txt", tmp_path / "d/.cache/x.txt", tmp_path / "d/shown.txt")
    assert [path for path, _ in local_glob(f"{tmp_path}/d/**/*.txt", lambda _: False)] == [f"{tmp_path}/d/shown.txt"]
    assert [path for path, _ in local_glob(f"{tmp_path}/d/.*.txt", lambda _: False)] == [f"{tmp_path}/d/.hidden.txt"]


def test_a_link_to_a_folder_around_it_is_a_loop(tmp_path: Path) -> None:
    write(tmp_path / "d/a.txt")
    (tmp_path / "d/again").symlink_to(tmp_path / "d")
    with pytest.raises(BadPath) as error:
        list(local_glob(f"{tmp_path}/d/**/*.txt", lambda _: False))
    assert (error.value.path, error.value.found) == (f"{tmp_path}/d/again", Found.LOOP)


def test_a_dangling_link_is_found_and_stops_where_a_folder_is_needed(tmp_path: Path) -> None:
    write(tmp_path / "d/a.txt")
    (tmp_path / "d/gone.txt").symlink_to(tmp_path / "nowhere.txt")
    assert dict(local_glob(f"{tmp_path}/d/*.txt", lambda _: False))[f"{tmp_path}/d/gone.txt"] is Found.DANGLING
    (tmp_path / "d/folder").symlink_to(tmp_path / "nowhere")
    with pytest.raises(BadPath):
        list(local_glob(f"{tmp_path}/d/*/*.txt", lambda _: False))


def test_what_is_skipped_is_not_entered(tmp_path: Path) -> None:
    write(tmp_path / "d/out/a.txt", tmp_path / "d/in/b.txt")
    paths = local_glob(f"{tmp_path}/d/**/*.txt", lambda path: path.endswith("/out"))
    assert [path for path, _ in paths] == [f"{tmp_path}/d/in/b.txt"]


def test_flags_compare_names_without_case(tmp_path: Path) -> None:
    write(tmp_path / "d/A.TXT")
    assert list(local_glob(f"{tmp_path}/d/*.txt", lambda _: False)) == []
    assert [path for path, _ in local_glob(f"{tmp_path}/d/*.txt", lambda _: False, re.I)] == [f"{tmp_path}/d/A.TXT"]


def test_what_a_path_leads_to(tmp_path: Path) -> None:
    write(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    names = {"file": Found.FILE, "": Found.FOLDER, "none": Found.NOTHING, "pipe": Found.PIPE, "itself": Found.LOOP}
    assert {name: what_is(str(tmp_path / name)) for name in names} == names


def test_a_folder_is_walked_once_however_often_the_pattern_reaches_it(tmp_path: Path) -> None:
    deep = tmp_path / "/".join(["a"] * 30)
    write(deep / "1.txt")
    many = "/".join(["**", "a"] * 12)  # 30 over 12 ways to place them
    assert [path for path, _ in local_glob(f"{tmp_path}/{many}/*.txt", lambda _: False)] == [str(deep / "1.txt")]
    assert list(local_glob(f"{tmp_path}/{'**/' * 30}none", lambda _: False)) == []
