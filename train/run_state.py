"""How far a training is: its state in a word, and the time that is left, from the lines of its metrics."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

State = Literal["not started", "training", "stopped", "finished"]
STALE = 120.0  # seconds without a new line after which a run counts as stopped
LAST = 20  # lines whose mean speed counts


def state_of(done: int, steps: int | None, age: float | None) -> State:
    """Say in a word how a run stands.

    Args:
        done: Steps that it has done.
        steps: Steps that it is to do; None if it has no record.
        age: Seconds since it last wrote metrics; None if it never did.
    """
    if steps is not None and done >= steps:
        return "finished"
    if age is None:
        return "not started"
    return "training" if age < STALE else "stopped"


def seconds_left(lines: Sequence[Mapping[str, Any]], steps: int | None) -> float | None:
    """Seconds of training that are left at the mean speed of the last lines, validations and checkpoints not counted.

    Returns:
        None if the number of steps or the speed is not known, or the figures make no sense.
    """
    known = (line for line in lines if line.get("tokens_per_second") and line.get("tokens") is not None)
    trained = [line for line in known if "split" not in line][-LAST - 1 :]
    if steps is None or len(trained) < 2:
        return None
    seconds = sum(
        (after["tokens"] - before["tokens"]) / after["tokens_per_second"] for before, after in pairwise(trained)
    )
    done = trained[-1]["step"] - trained[0]["step"]
    left = seconds / done * (steps - trained[-1]["step"]) if done > 0 else math.inf
    return max(0.0, left) if math.isfinite(left) else None
