"""Random sequences of what may happen to a training; `benchmarks.train_faults` runs many more."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from ..disturbed_training import How
from ..faulty_runs import EVENTS, FaultyRun


class Faults(RuleBasedStateMachine):
    """A run to which things happen; at the end it must be the one that nothing happened to."""

    def __init__(self, folder: Path, dataset: Path, undisturbed: FaultyRun) -> None:
        super().__init__()
        self._undisturbed = undisturbed
        self._run = FaultyRun(folder, [dataset], random.Random(0))

    @rule(event=st.sampled_from(EVENTS), seed=st.integers(0, 1000))
    def happen(self, event: str, seed: int) -> None:
        self._run.draw = random.Random(seed)
        self._run.happen(event)

    def teardown(self) -> None:
        self._run.finish()
        self._run.require_same(self._undisturbed)


@pytest.fixture
def numbered(tmp_path: Path) -> Callable[[], Path]:
    """A new folder at each call."""
    return lambda: tmp_path / f"{len(list(tmp_path.iterdir()))}"


def test_whatever_happens_a_run_ends_as_if_it_had_not(dataset: Path, numbered: Callable[[], Path]) -> None:
    undisturbed = FaultyRun(numbered(), [dataset], random.Random(0))
    undisturbed.finish(How())

    class Here(Faults):
        def __init__(self) -> None:
            super().__init__(numbered(), dataset, undisturbed)

    run_state_machine_as_test(
        Here,
        settings=settings(max_examples=2, stateful_step_count=3, deadline=None),
    )
