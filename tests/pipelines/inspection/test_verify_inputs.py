"""`verify --deep` reads the sources again: it finds other content and missing files, and no other times."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.inspection.verify import Finding, verify


@pytest.fixture
def prepared_from(text_tree: Callable[..., Any], prepared: Any, sources: Any, tmp_path: Path) -> tuple[Path, Path]:
    """A dataset, and the folder of its inputs."""
    docs = next(source for source in sources if source["name"] == "docs")
    folder = tmp_path / "inputs"
    shutil.copytree(Path(docs["path"]).parent, folder)
    path = f"{folder}/{Path(docs['path']).name}"
    prepared(text_tree(tmp_path / "out", sources=[docs | {"path": path}]))
    return tmp_path / "out", folder


def findings(out: Path) -> list[Finding]:
    return verify(str(out), deep=True)[1]


def test_inputs_with_other_times_are_the_same(prepared_from: tuple[Path, Path]) -> None:
    out, folder = prepared_from
    for path in folder.iterdir():
        os.utime(path, (1, 1))
        path.rename(path.with_name("moved"))  # another inode, too
        shutil.copy(path.with_name("moved"), path)
        path.with_name("moved").unlink()
    assert findings(out) == []


def test_a_changed_input_is_found_though_it_looks_unchanged(prepared_from: tuple[Path, Path]) -> None:
    out, folder = prepared_from
    path = sorted(folder.iterdir())[0]
    before, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert verify(str(out))[1] == []
    (finding,) = findings(out)
    assert finding.file == "source docs"
    assert "has other content than when the dataset was prepared" in finding.problem


def test_a_vanished_input_is_found(prepared_from: tuple[Path, Path]) -> None:
    out, folder = prepared_from
    files = sorted(folder.iterdir())
    for number, path in enumerate(files):
        path.unlink()
        (finding,) = findings(out)
        assert finding.file == "source docs"
        assert ("has other content" if number < len(files) - 1 else "cannot be read again") in finding.problem


def test_a_further_input_is_found(prepared_from: tuple[Path, Path]) -> None:
    out, folder = prepared_from
    path = sorted(folder.iterdir())[0]
    shutil.copy(path, path.with_name(f"more-{path.name}"))
    (finding,) = findings(out)
    assert "has other content" in finding.problem
