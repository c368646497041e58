"""Verify finds any changed byte, files that are lost or not listed, and what is no dataset at all."""

import json
import random
from pathlib import Path

import pytest

from triptych.pipelines.inspection.verify import Finding, verify
from triptych.schemas.errors import Refusal

from .forging import findings

PLACES = 6  # a file


def test_one_changed_byte_anywhere_is_found(copy: Path) -> None:
    draw = random.Random(3)
    files = sorted(path for path in copy.rglob("*") if path.is_file())
    assert {path.parent.name for path in files} == {"copy", "shards", "text", "image", "audio"}
    for path in files:
        data = path.read_bytes()
        name = path.relative_to(copy).as_posix()
        for place in {0, len(data) - 1, *(draw.randrange(len(data)) for _ in range(PLACES))}:
            changed = bytearray(data)
            changed[place] ^= 1 << draw.randrange(8)
            path.write_bytes(changed)
            assert name in {finding.file for finding in findings(copy)}, (name, place)
        path.write_bytes(data)
    assert findings(copy) == []


def test_a_file_that_the_manifest_does_not_list_is_found(copy: Path) -> None:
    (copy / "shards" / "more.arrow").write_bytes(b"?")
    assert findings(copy) == [Finding("shards/more.arrow", "is not in the manifest")]


@pytest.mark.parametrize("change", ["cut", "longer", "lost", "empty"])
def test_a_file_that_is_not_whole_is_found(copy: Path, change: str) -> None:
    spared = {"manifest.json", "run.json"} if change == "lost" else {"manifest.json"}  # the report may be removed
    for path in sorted(path for path in copy.rglob("*") if path.is_file() and path.name not in spared):
        data = path.read_bytes()
        if change == "lost":
            path.unlink()
        else:
            path.write_bytes({"cut": data[:-1], "longer": data + b"\0", "empty": b""}[change])
        assert [finding.file for finding in findings(copy)] == [path.relative_to(copy).as_posix()]
        path.write_bytes(data)


def test_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"no manifest\.json"):
        verify(str(tmp_path))


def test_a_broken_manifest_is_refused_as_a_failure(copy: Path) -> None:
    (copy / "manifest.json").write_text(json.dumps({"version": 1}))
    with pytest.raises(Refusal, match="not a manifest of version 2") as caught:
        verify(str(copy))
    assert caught.value.exit_code == 1
