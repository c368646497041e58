"""Extensions, keys and media of the first members of a tar."""

import json
from pathlib import Path
from typing import Any

from triptych.pipelines.starting.tar_head import MEMBERS, tar_members_of


def test_keys_of_json_and_media_by_modality(tmp_path: Path, makers: Any) -> None:
    document = json.dumps({"caption": "a", "n": 1}).encode()
    members = {"0.JPG": b"x", "0.json": document, "0.flac": b"x", "1.png": b"x", "1.json": b"{broken", "1.seg.png": b""}
    makers.write_tar(tmp_path / "a.tar", members)
    columns, media = tar_members_of(str(tmp_path / "a.tar"))
    assert columns["json.caption"] == ["a"]
    assert columns["json.n"] == [1]
    assert list(columns) == ["jpg", "json", "json.caption", "json.n", "flac", "png", "seg.png"]
    assert media == {"image": ["jpg", "png"], "audio": ["flac"]}


def test_only_the_first_members_of_a_tar_are_read(tmp_path: Path, makers: Any) -> None:
    path = tmp_path / "a.tar"
    makers.write_tar(path, {f"{n}.txt": b"x" for n in range(2 * MEMBERS)} | {"z.late": b"x"})
    assert list(tar_members_of(str(path))[0]) == ["txt"]
    path.write_bytes(path.read_bytes()[:1536] + b"x" * 600)  # damaged from the second header on
    assert list(tar_members_of(str(path))[0]) == ["txt"]
    path.write_bytes(b"no tar")
    assert tar_members_of(str(path)) == ({}, {})
