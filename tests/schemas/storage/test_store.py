"""A file of a store is there whole or not at all, whatever becomes of the process that writes it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from triptych.schemas.storage.store import TEMPORARY, Store


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    found = Store(str(tmp_path / "out") if request.param == "disk" else f"memory://store/{tmp_path.name}")
    yield found
    if request.param == "memory":
        for name in found.names(""):
            found.delete(name)


def test_what_was_written_is_read(store: Store) -> None:
    assert not store.exists("a/b.bin")
    assert store.names("a") == []
    store.write("a/b.bin", b"one")
    store.write("a/c/d.bin", pa.py_buffer(b"three"))
    assert store.exists("a/b.bin")
    assert (store.read("a/b.bin"), store.size("a/c/d.bin")) == (b"one", 5)
    assert store.names("a") == ["a/b.bin", "a/c/d.bin"]
    store.write("a/b.bin", b"two")
    assert store.read("a/b.bin") == b"two"
    store.delete("a/b.bin")
    store.delete("a/b.bin")
    assert store.names("a") == ["a/c/d.bin"]


def test_arrow_reads_it(store: Store) -> None:
    table = pa.table({"x": [1, 2, 3]})
    with store.create("t.arrow") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with store.open_arrow("t.arrow") as source:
        assert pa.ipc.open_file(source).read_all() == table


def test_a_name_is_not_below_itself(store: Store) -> None:
    # an S3 listing of an empty folder gives the folder when its first file appears while it looks
    store.write("lease", b"x")
    assert store.names("lease") == []
    assert store.names("") == ["lease"]


def test_a_write_that_fails_leaves_nothing(store: Store) -> None:
    store.write("kept", b"before")

    def fail(name: str) -> None:
        with store.create(name) as sink:
            sink.write(b"half")
            raise OSError("disk full")

    for name in ("kept", "new"):
        with pytest.raises(OSError, match="disk full"):
            fail(name)
    assert store.names("") == ["kept"]
    assert store.read("kept") == b"before"
    assert [name for name in store.fs.find(store.path("")) if TEMPORARY in name] == []


def test_a_file_is_claimed_by_one(store: Store) -> None:
    store.claim("a/lock", b"mine")
    with pytest.raises(FileExistsError):
        store.claim("a/lock", b"yours")
    assert store.read("a/lock") == b"mine"
    store.delete("a/lock")
    store.claim("a/lock", b"yours")
    assert store.read("a/lock") == b"yours"


def test_a_store_s_own_clock_tells_which_file_is_newer(store: Store) -> None:
    store.write("a", b"1")
    store.write("b", b"2")
    assert store.modified("a") <= store.modified("b")
    store.write("a", b"1")
    assert store.modified("b") <= store.modified("a")
    with pytest.raises(FileNotFoundError):
        store.modified("c")


def test_what_cannot_be_looked_at_is_not_taken_for_missing(tmp_path: Path) -> None:
    Store(str(tmp_path)).write("a", b"1")
    with pytest.raises(NotADirectoryError):
        Store(str(tmp_path)).exists("a/b")


def test_a_folder_goes_up_and_comes_down(store: Store, tmp_path: Path) -> None:
    (tmp_path / "model/deep").mkdir(parents=True)
    (tmp_path / "model/a.txt").write_bytes(b"a")
    (tmp_path / "model/deep/b.txt").write_bytes(b"b")
    store.upload(tmp_path / "model", "fit/model")
    assert store.names("fit") == ["fit/model/a.txt", "fit/model/deep/b.txt"]
    local = Path(str(store.local_path("fit/model")))
    assert (local / "deep/b.txt").read_bytes() == b"b"
    assert Path(str(store.local_path("fit/model/a.txt"))).read_bytes() == b"a"
    assert store.local_path(None) is None


# Stops at the moment when everything is written and nothing is committed.
STOPPED = """
import os, signal, sys
from pathlib import Path
from triptych.schemas.storage.store import Store
Path.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
Store(sys.argv[1]).write("part.arrow", b"x" * 100_000)
"""


def test_a_writer_killed_before_the_commit_leaves_nothing_to_be_seen(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    store.write("part.arrow", b"old")
    done = subprocess.run([sys.executable, "-c", STOPPED, store.url], check=False)
    assert done.returncode == -signal.SIGKILL
    left = [name for name in os.listdir(store.url) if name != "part.arrow"]
    assert len(left) == 1
    assert left[0].startswith(TEMPORARY)
    assert (Path(store.url) / left[0]).stat().st_size == 100_000
    assert store.names("") == ["part.arrow"]
    assert store.read("part.arrow") == b"old"
    store.sweep()
    assert os.listdir(store.url) == ["part.arrow"]


def test_sweeping_an_empty_place_is_nothing(tmp_path: Path) -> None:
    Store(str(tmp_path / "none")).sweep()
    assert not (tmp_path / "none").exists()


def test_relative_places_are_told_from_where_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Store("out/here").write("x/y", b"1")
    assert (tmp_path / "out/here/x/y").read_bytes() == b"1"
    assert Store("out/here/").names("x") == ["x/y"]
