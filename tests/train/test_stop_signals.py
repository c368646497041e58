"""Signals ask a training to stop; only the third Ctrl-C ends it without its checkpoint."""

import os
import signal
from collections.abc import Iterator

import pytest

from triptych.train.stop_signals import ENDED_AT_ONCE, StopSignals


@pytest.fixture(autouse=True)
def handlers_as_before() -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}  # nohup has some ignored
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Exit codes with which the process would have ended at once."""
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    return codes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_however_often_only_asks(number: signal.Signals, exits: list[int]) -> None:
    with StopSignals(speaks=True) as stop:
        assert not stop.requested
        for _ in range(5):
            os.kill(os.getpid(), number)
        assert stop.requested
    assert exits == []


def test_the_third_ctrl_c_ends_at_once_and_each_is_explained(
    exits: list[int], capfd: pytest.CaptureFixture[str]
) -> None:
    with StopSignals(speaks=True) as stop:
        for said in ("a checkpoint is saved", "once more to end at once", "resume from the last checkpoint"):
            assert exits == []
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.requested
            assert said in capfd.readouterr().err
    assert exits == [ENDED_AT_ONCE]


def test_other_processes_are_silent(exits: list[int], capfd: pytest.CaptureFixture[str]) -> None:
    with StopSignals(speaks=False) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested
    assert capfd.readouterr().err == ""


def test_an_ignored_signal_stays_ignored_as_under_nohup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with StopSignals(speaks=True) as stop:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not stop.requested
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_the_handlers_before_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals(speaks=True):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
