"""A table may name files by absolute paths, as long as they are in the folder."""

import unicodedata
from pathlib import Path

import fsspec
import pytest

from triptych.pipelines.sources.batches import BadRow
from triptych.pipelines.sources.folder_files import FolderFiles, name_within


def test_absolute_names_within_the_folder(tmp_path: Path) -> None:
    fs = fsspec.filesystem("file")
    folder = tmp_path / "clips"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    (folder / "out").symlink_to(tmp_path)
    root = str(folder)
    for name in ("sub/a.wav", "./sub/a.wav"):
        assert name_within(fs, root, name) == name
    for top in (folder, tmp_path / "link", f"file://{folder}", f"{folder}/sub/.."):
        assert name_within(fs, root, f"{top}/sub/a.wav") == "sub/a.wav"
        assert name_within(fs, str(tmp_path / "link"), f"{top}/sub/a.wav") == "sub/a.wav"
    for name in (f"{folder}/../a.wav", f"{folder}/out/a.wav", f"{folder}x/a.wav", "/etc/passwd", root, "../a.wav"):
        assert name_within(fs, root, name) is None
    assert name_within(fs, root, "s3://bucket/a.wav") == "s3://bucket/a.wav"  # a relative name that does not exist


@pytest.mark.parametrize("name", ["/x/y/a.wav", "memory://x/y/a.wav", "memory:///x/y/a.wav"])
def test_absolute_names_of_other_file_systems(name: str) -> None:
    fs = fsspec.filesystem("memory")
    assert name_within(fs, "/x/y", name) == "a.wav"
    assert name_within(fs, "/x/z", name) is None


def files_of(root: Path) -> FolderFiles:
    return FolderFiles(fsspec.filesystem("file"), str(root), "", "", "")


def test_a_snapshot_of_the_hub_may_link_to_the_blobs_of_its_repository_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "datasets--a--b" / "snapshots" / "0f" / "clips"
    folder.mkdir(parents=True)
    blobs = tmp_path / "datasets--a--b" / "blobs"
    blobs.mkdir()
    (blobs / "5e").write_bytes(b"clip")
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "a.wav").symlink_to("../../../blobs/5e")
    (folder / "b.wav").symlink_to(tmp_path / "secret")
    for root, name in ((folder, "a.wav"), (folder.parent, "clips/a.wav")):
        assert files_of(root).read(name, "audio_missing", 100) == b"clip"
    with pytest.raises(BadRow, match="path_outside_folder"):
        files_of(folder).find("b.wav", "audio_missing")


def test_a_name_is_found_however_its_letters_are_composed(tmp_path: Path) -> None:
    (tmp_path / unicodedata.normalize("NFD", "é")).mkdir()
    (tmp_path / unicodedata.normalize("NFD", "é/ü.wav")).write_bytes(b"clip")
    files = files_of(tmp_path)
    given = unicodedata.normalize("NFC", "é/ü.wav")
    assert files.read(given, "audio_missing", 100) == b"clip"
    assert files.url(given) == f"file://{tmp_path}/{unicodedata.normalize('NFD', given)}"
    with pytest.raises(BadRow, match="audio_missing"):
        files.find("é/o.wav", "audio_missing")


def test_a_link_that_leads_back_to_itself_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to("a.wav")
    with pytest.raises(BadRow, match="file_unreadable"):
        files_of(tmp_path).find("a.wav", "audio_missing")
