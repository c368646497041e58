"""Source and output on an S3 server that refuses, dawdles and loses its clients: the bytes are those of a disk."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pytest
import yaml
from pydantic import TypeAdapter

from triptych.pipelines.inspection.verify import verify
from triptych.pipelines.sources.registry import open_source
from triptych.schemas.config.run import Limits
from triptych.schemas.config.sources import Source
from triptych.schemas.errors import Refusal
from triptych.schemas.storage.store import UPLOAD_BYTES, Store, _upload

from ..processes import Forked


def put(url: str, data: bytes) -> None:
    with fsspec.open(url, "wb") as file:
        file.write(data)


def objects(url: str) -> dict[str, bytes]:
    """Every object below a URL, by what a new client sees."""
    fs, root = fsspec.core.url_to_fs(url, skip_instance_cache=True)
    return {name.removeprefix(f"{root}/"): fs.cat_file(name) for name in fs.find(root)}


@pytest.fixture
def docs(bucket: str, home: Path, sources: list[dict[str, Any]]) -> dict[str, Any]:
    """The texts, in the bucket."""
    for path in sorted((home / "corpora/docs").iterdir()):
        put(f"{bucket}/docs/{path.name}", path.read_bytes())
    return sources[0] | {"path": f"{bucket}/docs/*.jsonl.gz"}


def test_a_run_in_bad_weather_gives_the_bytes_of_a_disk(
    bucket: str, weather: Any, docs: dict[str, Any], text_tree: Any, prepared: Any, contents: Any, tmp_path: Path
) -> None:
    weather.fail_every, weather.pause = 60, 0.001
    remote = prepared(text_tree(f"{bucket}/out", sources=[docs], partition_bytes=16_384))
    assert weather.failures >= 3
    weather.clear()
    assert verify(f"{bucket}/out")[1] == []
    local = prepared(text_tree(tmp_path / "out", partition_bytes=16_384))
    # the manifest's `config` says where the sources lay
    assert remote.fingerprint == local.fingerprint
    made = {name: data for name, data in objects(f"{bucket}/out").items() if name != "manifest.json"}
    here = {name: data for name, data in contents(tmp_path / "out").items() if name != "manifest.json"}
    assert {n: d for n, d in made.items() if not n.startswith("_work/") and n != "run.json"} == here
    assert not [name for name in made if name.startswith(("_work/lease", "_work/clock"))]


PREPARE = "from triptych.cli.main import main; main()"


def test_a_run_that_is_killed_there_is_resumed_there(
    bucket: str, docs: dict[str, Any], text_tree: Any, prepared: Any, tmp_path: Path
) -> None:
    tree = text_tree(f"{bucket}/out", sources=[docs], partition_bytes=16_384)
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tree))
    store = Store(f"{bucket}/out")
    process = Forked(PREPARE, ["prepare", str(tmp_path / "run.yaml"), "--json"])
    while process.running() and len(store.names("_work/text")) < 2:
        time.sleep(0.05)
    with pytest.raises(Refusal, match=f"another `triptych` is writing there, process {process.pid}"):
        prepared(tree)
    process.send(signal.SIGKILL)
    code, output = process.end(timeout=60)
    assert code == -signal.SIGKILL, output
    there = {name: store.modified(name) for name in store.names("_work/text")}
    assert not store.exists("manifest.json")
    assert prepared(tree).fingerprint == prepared(text_tree(tmp_path / "out", partition_bytes=16_384)).fingerprint
    assert verify(store.url)[1] == []
    assert {name: store.modified(name) for name in there} == there


def test_a_store_that_fails_ends_in_a_paragraph(
    bucket: str,
    weather: Any,
    text_tree: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from triptych.cli.main import main

    (tmp_path / "run.yaml").write_text(yaml.safe_dump(text_tree(f"{bucket}/out")))
    monkeypatch.setattr(sys, "argv", ["triptych", "prepare", str(tmp_path / "run.yaml"), "--json"])
    weather.deny_once = "list-type"
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    (paragraph,) = capsys.readouterr().err.strip().splitlines()
    assert "PermissionError: Access Denied" in paragraph
    assert "run the same command again" in paragraph


@pytest.mark.parametrize("moment", ["before it is read", "while it is read", "gone"])
def test_an_object_that_changes_is_refused(
    bucket: str, docs: dict[str, Any], home: Path, makers: Any, moment: str
) -> None:
    source = TypeAdapter(Source).validate_python(docs)

    def reader() -> Any:
        return open_source(source, Limits(), 1024)

    unit = reader().units()[0]
    assert unit.stamp
    unit = replace(unit, digest=reader().digest(unit))
    before = [batch.table for batch in reader().read(unit)]
    batches = reader().read(unit)
    if moment == "while it is read":
        assert next(batches).table == before[0]
    fs, path = fsspec.core.url_to_fs(unit.path, skip_instance_cache=True)
    if moment == "gone":
        fs.rm_file(path)
    else:
        makers.write_docs(home / "other.jsonl.gz", ["other"])
        fs.pipe_file(path, (home / "other.jsonl.gz").read_bytes())
    with pytest.raises(Refusal, match=rf"{unit.path} (changed|vanished) during the run"):
        list(batches)


# Writes a shard of three parts, and says so when its first part is there.
UPLOAD = """
import sys
from triptych.schemas.storage.store import UPLOAD_BYTES, Store
import fsspec
store = Store(sys.argv[1])
with store.create(lambda: "shards/text-0123.arrow") as sink:
    for _ in range(3):
        sink.write(b"x" * UPLOAD_BYTES)
    print("written", flush=True)
"""


def uploads(bucket: str) -> list[dict[str, Any]]:
    """Uploads of several parts that were begun and not completed."""
    fs, root = fsspec.core.url_to_fs(bucket, skip_instance_cache=True)
    found: list[dict[str, Any]] = fs.list_multipart_uploads(root)
    return found


def test_an_upload_that_is_killed_midway_leaves_nothing_to_be_seen(bucket: str, weather: Any) -> None:
    weather.pause = 0.3
    with subprocess.Popen([sys.executable, "-c", UPLOAD, bucket], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "written\n"
        deadline = time.monotonic() + 30
        while not uploads(bucket) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    weather.clear()
    assert process.returncode == -signal.SIGKILL
    assert uploads(bucket)
    assert objects(bucket) == {}


def test_a_shard_of_many_parts_is_whole_or_not_there(bucket: str) -> None:
    store, data = Store(bucket), os.urandom(2 * UPLOAD_BYTES + 1)
    store.write("shards/a.arrow", data)
    assert objects(bucket) == {"shards/a.arrow": data}

    def fail() -> None:
        with store.create("shards/b.arrow") as sink:
            sink.write(data)
            raise ValueError("midway")

    with pytest.raises(ValueError, match="midway"):
        fail()
    assert objects(bucket).keys() == {"shards/a.arrow"}


def test_a_shard_whose_third_part_is_denied_is_not_there(bucket: str, weather: Any) -> None:
    # once: a file object that is closed by the error tries again, and must not succeed in ending the upload
    weather.deny_once = "partNumber=3"
    with pytest.raises(PermissionError):
        Store(bucket).write("shards/a.arrow", bytes(3 * UPLOAD_BYTES))
    assert weather.deny_once == ""
    assert objects(bucket) == {}
    assert uploads(bucket) == []


def test_threads_of_one_process_do_not_end_each_other_s_uploads(bucket: str, weather: Any) -> None:
    store, go, data = Store(bucket), threading.Event(), os.urandom(UPLOAD_BYTES + 1)

    def write_after_the_other() -> None:
        store.write("shards/b.arrow", data)
        go.set()

    class Slow(io.BytesIO):
        """Content whose second block comes when the other thread is done."""

        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                other.start()
                assert go.wait(30)
                seen.extend(objects(bucket))
            return super().read(size)

    seen: list[str] = []
    other = threading.Thread(target=write_after_the_other)
    _upload(store.fs, store.path("shards/a.arrow"), Slow(data[:UPLOAD_BYTES]))
    other.join()
    assert seen == ["shards/b.arrow"]
    assert objects(bucket) == {"shards/a.arrow": data[:UPLOAD_BYTES], "shards/b.arrow": data}
    assert not store.fs.transaction.files


def test_what_others_write_is_seen_at_once(bucket: str) -> None:
    mine, other = Store(bucket), fsspec.core.url_to_fs(bucket, skip_instance_cache=True)[0]
    assert mine.names("a") == []
    mine.write("a/1", b"1")
    assert mine.names("a") == ["a/1"]
    other.pipe_file(mine.path("a/2"), b"2")
    assert mine.names("a") == ["a/1", "a/2"]
    assert mine.exists("a/2")
    other.rm_file(mine.path("a/1"))
    assert not mine.exists("a/1")
    assert mine.open_arrow("a/2").read() == b"2"
