"""What Beam's workers do to elements: work is answered, and rows that are split and grouped are all there again."""

from pathlib import Path

import pytest

from triptych.pipelines.engines.base import MeasuredTask
from triptych.pipelines.engines.beam_results import BeamResults
from triptych.pipelines.engines.beam_tasks import Work
from triptych.schemas.storage.store import Store


def invert(item: int) -> float:
    """The task of these tests."""
    return 1 / item


@pytest.fixture
def mailbox(tmp_path: Path) -> BeamResults:
    return BeamResults(Store(str(tmp_path)), "_work/beam/one")


def test_work_is_answered_or_its_failure_is(mailbox: BeamResults) -> None:
    spans = mailbox.post([2, 4, 0])
    work = Work(mailbox, MeasuredTask(invert))
    for span in spans[:2]:
        work(span)
    assert sorted((done.index, done.result) for done in mailbox.results()) == [(0, 0.5), (1, 0.25)]
    with pytest.raises(ZeroDivisionError):
        work(spans[2])
    assert isinstance(mailbox.failure(), ZeroDivisionError)
    assert mailbox.lost([0, 1, 2]) == 1
