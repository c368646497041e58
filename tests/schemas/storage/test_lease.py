"""An owner is read back as it was written, and is gone only when this machine can tell that it is."""

import json
import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from triptych.schemas.storage.lease import FOLDER, Owner, held_by, lease
from triptych.schemas.storage.store import Store

LARGEST = Path("/proc/sys/kernel/pid_max")  # no process has a higher number


def test_an_owner_is_read_back_as_it_was_written() -> None:
    owner = Owner.here()
    assert (owner.host, owner.pid) == (platform.node(), os.getpid())
    assert Owner.parse(owner.to_bytes()) == owner
    assert Owner.here() != owner  # every lease has a token of its own
    assert Owner.here().machine == owner.machine


@pytest.mark.parametrize("cut", [0, 1, 20, -1])
def test_half_a_file_has_no_owner(cut: int) -> None:
    assert Owner.parse(Owner.here().to_bytes()[:cut]) is None


def owner(**changes: object) -> bytes:
    """An owner as anyone may have written it."""
    return json.dumps({"host": "a", "pid": 1, "machine": "", "token": "t"} | changes).encode()


HOSTILE = [owner(pid="1"), owner(pid=-1), owner(pid=10**30), owner(host=3), owner(machine=[]), b"[" * 200_000]


@pytest.mark.parametrize("data", [b"[]", b"null", b'{"host": "a"}', b"\xff", *HOSTILE], ids=lambda data: str(data)[:30])
def test_another_file_has_no_owner(data: bytes) -> None:
    assert Owner.parse(data) is None


@pytest.mark.skipif(not LARGEST.exists(), reason="needs Linux")
def test_only_a_process_of_this_machine_is_known_to_be_gone() -> None:
    here = Owner.here()
    assert not here.gone
    unused = replace(here, pid=int(LARGEST.read_text(encoding="ascii")) + 1)
    assert unused.gone
    assert not replace(unused, machine="another").gone
    assert not replace(unused, machine="").gone


def test_the_refusal_names_the_holder_if_it_is_known() -> None:
    known = held_by("s3://a/out", Owner("host", 12, "", "token"), "")
    assert "s3://a/out: another `triptych` is writing there, process 12 on host." in str(known)
    assert (known.exit_code, str(known)[-1]) == (1, ".")
    assert "writing there, another process." in str(held_by("s3://a/out", None, "Delete it."))
    assert str(held_by("s3://a/out", None, "Delete it.")).endswith("Delete it.")


def test_a_lease_is_gone_after_its_block_even_if_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.schemas.storage.lease.SETTLE", 0.0)
    store = Store(str(tmp_path))

    def fail() -> None:
        with lease(store) as require:
            require()
            assert store.names(FOLDER) == [f"{FOLDER}/00000000"]
            raise KeyError("failed")

    for _ in range(2):
        with pytest.raises(KeyError):
            fail()
        assert store.names(FOLDER) == []
