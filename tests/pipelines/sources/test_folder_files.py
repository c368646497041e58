"""A table may name files by absolute paths, as long as they are in the folder."""

from pathlib import Path

import fsspec
import pytest

from triptych.pipelines.sources.folder_files import name_within


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
