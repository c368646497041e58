"""A mailbox gives every item to one batch, every result to the driver once, and an exception back with its place."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.engines import beam_results
from triptych.pipelines.engines.beam_results import BeamResults, clear
from triptych.schemas.storage.store import Store


class Unpicklable(Exception):
    """Cannot be made again from its arguments."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


@pytest.fixture
def mailbox(tmp_path: Path) -> BeamResults:
    mailbox = BeamResults(Store(str(tmp_path)), "_work/beam/one")
    mailbox.post(["work"])  # its folder is there only then
    return mailbox


@pytest.mark.parametrize(("count", "batches"), [(0, 0), (1, 1), (3, 3), (4096, 4096), (4099, 4096)])
def test_every_item_is_in_one_batch(mailbox: BeamResults, count: int, batches: int) -> None:
    items = [f"item {i}" for i in range(count)]
    spans = mailbox.post(items)
    assert [number for number, *_ in spans] == list(range(batches))
    taken = [pair for span in [*spans[:4], *spans[4:][-4:]] for pair in mailbox.take(span)]
    if count <= 8:
        assert taken == list(enumerate(items))
    else:
        assert dict(taken) == {index: items[index] for index, _ in taken}
        assert len(dict(taken)) == len(taken) == 8 + min(count - batches, 4)
    assert sum(end - start for _, start, end in spans) == mailbox.store.size("_work/beam/one/items")
    assert beam_results.BATCHES == 4096


def test_results_are_read_once_and_incomplete_ones_are_lost(mailbox: BeamResults) -> None:
    mailbox.answer(0, ["a", "b"])
    assert list(mailbox.results()) == ["a", "b"]
    assert list(mailbox.results()) == []
    mailbox.answer(2, ["c"])
    mailbox.store.write("_work/beam/one/1.done", b"\x80\x05")
    assert mailbox.lost(range(4)) == 3
    assert list(mailbox.rest(range(4))) == ["c"]
    assert list(mailbox.rest(range(4))) == []
    assert mailbox.lost(range(4)) == 2


def test_an_exception_comes_back_with_the_place_where_it_was_raised(mailbox: BeamResults) -> None:
    assert mailbox.failure() is None
    with pytest.raises(KeyError, match="gone"), mailbox.attempting(3):
        raise KeyError("gone")
    failure = mailbox.failure()
    assert isinstance(failure, KeyError)
    assert failure.args == ("gone",)
    assert "In a Beam worker" in failure.__notes__[0]
    assert Path(__file__).name in failure.__notes__[0]


def test_an_exception_that_cannot_be_pickled_comes_back_as_another(mailbox: BeamResults) -> None:
    with pytest.raises(Unpicklable), mailbox.attempting(0):
        raise Unpicklable(1, 2)
    failure = mailbox.failure()
    assert type(failure) is RuntimeError
    assert "Unpicklable: 1 and 2" in str(failure)


def test_a_cleared_mailbox_holds_nothing(mailbox: BeamResults) -> None:
    mailbox.answer(0, ["a"])
    other = BeamResults(mailbox.store, "_work/beam/two")
    other.post(["work"])
    other.answer(0, ["b"])
    for _ in range(2):  # the second time there is none
        clear(mailbox.store, mailbox.folder)
        assert list(mailbox.results()) == []
    assert list(other.results()) == ["b"]


class Payload:
    """Creates a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_what_another_wrote_into_the_mailbox_is_never_unpickled(mailbox: BeamResults, tmp_path: Path) -> None:
    data = pickle.dumps([Payload(tmp_path / "ran")])
    other = BeamResults(mailbox.store, mailbox.folder)
    for planted in (data, bytes(32) + data, other._sealed([Payload(tmp_path / "ran")])):
        for name in ("0.done", "0.failed", "items"):
            mailbox.store.write(f"_work/beam/one/{name}", planted)
        assert list(mailbox.results()) == []
        assert list(mailbox.rest([0])) == []
        assert mailbox.failure() is None
        with pytest.raises(pickle.UnpicklingError):
            mailbox.take((0, 0, len(planted)))
    assert not (tmp_path / "ran").exists()
