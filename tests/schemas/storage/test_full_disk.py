"""A disk that fills up at any point of a run: a paragraph, no damage, and the same bytes once there is room."""

import errno
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xxhash
import yaml

from triptych.schemas.errors import Refusal
from triptych.schemas.storage.full_disk import refusing_full_disk

# bytes left free and who runs, one attempt after another
ATTEMPTED = [
    (0, "serial"),
    (20_000, "serial"),
    (60_000, "dask"),
    (120_000, "serial"),
    (200_000, "serial"),
    (None, "serial"),
]

# Runs in a namespace where it may mount: fills a disk to some room, prepares, makes more room, prepares again …
ATTEMPTS = """
import contextlib, io, json, os, subprocess, sys
from pathlib import Path
import xxhash
from triptych.cli.main import main

def attempt(mount, run_file, free, engine):
    filler, out = Path(mount, "filler"), Path(mount, "out")
    if free is not None:
        disk = os.statvfs(mount)
        filler.write_bytes(bytes(max(0, disk.f_bavail * disk.f_bsize - free)))
    sys.argv = ["triptych", "prepare", run_file, "--json", "--set", f"out={out}", "--engine", engine]
    sys.argv += ["--workers", "1"] if engine == "dask" else []
    said, code = io.StringIO(), 0
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        try:
            main()
        except SystemExit as stop:
            code = stop.code
    filler.unlink(missing_ok=True)
    left = [path.name for path in out.rglob(".tmp-*")]
    return {"code": code, "said": said.getvalue(), "left": left, "manifest": (out / "manifest.json").exists()}

if __name__ == "__main__":
    mount, run_file, attempted = sys.argv[1:]
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mount], check=True)
    attempts = [attempt(mount, run_file, free, engine) for free, engine in json.loads(attempted)]
    paths = [path for path in Path(mount, "out").rglob("*") if path.is_file()]
    files = {str(p.relative_to(f"{mount}/out")): xxhash.xxh3_128_hexdigest(p.read_bytes()) for p in paths}
    print(json.dumps({"attempts": attempts, "files": files}))
"""


@pytest.fixture
def attempts(text_tree: Callable[..., Any], tmp_path: Path) -> dict[str, Any]:
    """What became of those attempts on a disk of 2 MB, and the files there at the end."""
    script, mount, run_file = tmp_path / "attempts.py", tmp_path / "disk", tmp_path / "run.yaml"
    mount.mkdir()
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", str(mount)]
    may = subprocess.run(command, capture_output=True, text=True, check=False)
    if may.returncode:
        pytest.skip(f"mounting a small disk needs root or user namespaces: {may.stderr.strip()}")
    script.write_text(ATTEMPTS)
    run_file.write_text(yaml.safe_dump(text_tree("set by the attempt")))
    command = ["unshare", "-rm", sys.executable, str(script), str(mount), str(run_file), json.dumps(ATTEMPTED)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_a_run_resumes_when_there_is_room_again(
    attempts: dict[str, Any], text_tree: Any, prepared: Any, contents: Any, tmp_path: Path
) -> None:
    *full, last = attempts["attempts"]
    assert len(full) == len(ATTEMPTED) - 1
    for attempt in full:
        assert attempt["code"] == 1, attempt
        *before, paragraph = attempt["said"].strip().splitlines()
        require_ledger_so_far(before)
        for part in (
            f"the file system at {tmp_path}/disk is full",
            "MB are free",
            "Nothing is damaged",
            "same command",
        ):
            assert part in paragraph
        assert attempt["left"] == []
        assert not attempt["manifest"]
    assert (last["code"], last["manifest"]) == (0, True), last["said"]
    prepared(text_tree(tmp_path / "undisturbed"))
    expected = {name: xxhash.xxh3_128_hexdigest(data) for name, data in contents(tmp_path / "undisturbed").items()}
    assert {n: d for n, d in attempts["files"].items() if not n.startswith("_work/") and n != "run.json"} == expected


def require_ledger_so_far(lines: list[str]) -> None:
    """Nothing, or the ledger of the stages that had begun, in which every row of the one source is accounted for."""
    if not lines:
        return
    title, _, heads, _, *rows, _ = lines
    assert re.fullmatch(r"\s*Ledger until the run ended in step [a-z-]+\s*", title)
    assert heads.replace("┃", " ").split() == ["source", "stage", "rows", "in", "kept", "dropped"]
    cells = [[cell.strip() for cell in row.split("│")[1:-1]] for row in rows]
    assert [source for source, *_ in cells] == ["docs"] + [""] * (len(rows) - 1)
    stages = [stage for _, stage, *_ in cells]
    assert stages == ["read", "normalise", "text", "pack"][: len(stages)]
    assert all(rows_in == kept and not dropped for *_, rows_in, kept, dropped in cells)


def fail(error: Exception, cause: Exception | None = None) -> None:
    with refusing_full_disk():
        raise error from cause


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_every_way_of_saying_so_is_understood(number: int, tmp_path: Path) -> None:
    words = os.strerror(number)
    for error, cause in [
        (OSError(number, words, str(tmp_path / "not there/file")), None),
        (OSError(number, "Error writing bytes to file. Detail: [errno 28]"), None),
        (RuntimeError(f"Error while serializing: I/O error: {words} (os error {number})"), None),
        (RuntimeError("Nanny failed to start."), OSError(number, words)),
    ]:
        with pytest.raises(Refusal, match="Nothing is damaged") as caught:
            fail(error, cause)
        assert caught.value.exit_code == 1
        assert ("quota" in str(caught.value)) == (number == errno.EDQUOT)


def test_other_errors_stay_what_they_are() -> None:
    for error in (OSError(errno.EIO, "Input/output error"), ValueError("no space"), Refusal("full of mistakes")):
        with pytest.raises(type(error)) as caught:
            fail(error)
        assert caught.value is error


def test_the_place_is_the_mount_of_what_was_written(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught, refusing_full_disk(tmp_path / "not/there"):
        raise OSError(errno.ENOSPC, "full")
    place = next(folder for folder in (tmp_path, *tmp_path.parents) if folder.is_mount())
    assert f"the file system at {place} is full: " in str(caught.value)
    with pytest.raises(Refusal) as caught, refusing_full_disk():
        raise OSError(errno.ENOSPC, "full")
    places = [Path(tempfile.gettempdir()), Path.cwd()]
    mounts = {str(next(p for p in (place, *place.parents) if p.is_mount())) for place in places}
    assert any(f"the file system at {mount} is full" in str(caught.value) for mount in mounts)
