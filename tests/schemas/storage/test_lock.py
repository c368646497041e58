"""Two runs never write to one place at a time, and a dead one never keeps the next from going on."""

import errno
import fcntl
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.errors import Refusal
from triptych.schemas.storage import lease as leases
from triptych.schemas.storage.lease import FOLDER, lease
from triptych.schemas.storage.lock import LOCK, only_run
from triptych.schemas.storage.store import Store

HOLDER = """
import sys, time
from triptych.schemas.storage.{module} import {hold}
from triptych.schemas.storage.store import Store
with {hold}(Store(sys.argv[1])):
    print("held", flush=True)
    time.sleep(100)
"""


@contextmanager
def holder(url: str, module: str = "lock", hold: str = "only_run") -> Iterator["subprocess.Popen[str]"]:
    """A process that holds a store until it is killed."""
    command = [sys.executable, "-c", HOLDER.format(module=module, hold=hold), url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_refused_until_the_first_is_dead(
    text_tree: Callable[..., Any], prepared: Any, contents: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with holder(str(out)) as process:
        with pytest.raises(Refusal) as caught:
            prepared(text_tree(out))
        assert caught.value.exit_code == 1
        for part in (str(out), f"process {process.pid} on {platform.node()}", "Wait", "another `out`"):
            assert part in str(caught.value)
        assert os.listdir(out) == ["_work"]
        process.send_signal(signal.SIGKILL)
        process.wait()
        prepared(text_tree(out))
    prepared(text_tree(tmp_path / "alone"))
    assert contents(out) == contents(tmp_path / "alone")
    assert not (out / LOCK).exists()


def test_a_run_that_fails_gives_the_lock_back(tmp_path: Path) -> None:
    def fail() -> None:
        with only_run(Store(str(tmp_path))):
            raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):  # noqa: PT011
            fail()
    assert not (tmp_path / LOCK).exists()


def test_a_run_whose_lock_was_deleted_stops_before_it_publishes(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with only_run(store) as first:
        first()
        (tmp_path / LOCK).unlink()
        with pytest.raises(Refusal, match="was removed"):
            first()
        with holder(str(tmp_path)) as process:
            with pytest.raises(Refusal, match="was removed"):
                first()
            assert f'"pid":{process.pid}' in (tmp_path / LOCK).read_text()
    # what the other left is not taken for one's own
    assert (tmp_path / LOCK).exists()


def test_where_the_mount_knows_no_locks_there_is_a_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*arguments: Any) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    monkeypatch.setattr(leases, "SETTLE", 0.0)
    store = Store(str(tmp_path))
    with only_run(store) as require:
        require()
        with pytest.raises(Refusal, match=f"process {os.getpid()}"), only_run(store):
            pass
    assert store.names(FOLDER) == []


@pytest.fixture(params=["disk", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(leases, "SETTLE", 0.05)
    if request.param == "s3":
        return Store(f"{request.getfixturevalue('bucket')}/out")
    return Store(str(tmp_path / "out") if request.param == "disk" else f"memory://lock/{tmp_path.name}")


def test_a_lease_is_one_run_s_at_a_time(store: Store) -> None:
    for _ in range(2):
        with lease(store) as require:
            require()
            with pytest.raises(Refusal) as caught, lease(store):
                pass
            assert f"process {os.getpid()} on {platform.node()}" in str(caught.value)
            assert "lease expires in 1" in str(caught.value)
            require()
        assert store.names("") == []


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_a_lease_lives_as_long_as_its_holder_shows_life(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "STALE", 0.3)
    monkeypatch.setattr(leases, "BEAT", 0.05)
    with lease(store) as require:
        time.sleep(0.6)
        with pytest.raises(Refusal, match="lease expires in"), lease(store):
            pass
        require()
    monkeypatch.setattr(leases, "BEAT", 100.0)
    with lease(store) as suspended:
        time.sleep(0.4)
        with lease(store) as second:
            second()
            with pytest.raises(Refusal, match="another run took over"):
                suspended()
        assert store.names("") == []
        with lease(store):
            pass


def test_a_lease_of_a_dead_process_of_this_machine_is_free_at_once(tmp_path: Path, store: Store) -> None:
    if store.url.startswith("memory"):
        pytest.skip("memory is one process's")
    with holder(store.url, "lease", "lease") as process:
        with pytest.raises(Refusal, match=f"process {process.pid}"), lease(store):
            pass
        process.kill()
        process.wait()
        with lease(store) as require:
            require()


@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("stale", [True, False])
def test_of_many_that_try_one_wins(
    bucket: str, weather: Any, conditional: bool, stale: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SETTLE", 0.5)
    weather.unconditional = not conditional
    store = Store(f"{bucket}/out")
    if stale:
        with holder(store.url, "lease", "lease") as process:
            process.kill()
    start, results = threading.Barrier(4), []
    done = threading.Event()

    def run() -> None:
        start.wait()
        try:
            with lease(Store(store.url)) as require:
                results.append("won")
                done.wait(10)
                require()
        except Refusal as refusal:
            results.append(str(refusal))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while len(results) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    done.set()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert results.count("won") == 1
    assert all("another `triptych` is writing there" in result for result in results if result != "won")
