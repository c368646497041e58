"""Folders of checkpoints: their names, which are complete, which are kept, and how one becomes visible."""

import math
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...schemas.config.training import CheckpointConfig
from .restricted_load import METADATA
from .seal import STATE

PREFIX, TEMPORARY = "step-", ".tmp-"
NAME = re.compile(r"step-(\d{8,})")


def folder_name(step: int) -> str:
    """Name of the folder of a complete checkpoint."""
    return f"{PREFIX}{step:08d}"


def complete_steps(folder: Path) -> list[int]:
    """Steps of the complete checkpoints in a folder, in order.

    One without its `state.json` lost it, for a checkpoint gets its name when it is whole; loading it is refused.
    """
    names = [
        NAME.fullmatch(path.parent.name) for file in (STATE, METADATA) for path in folder.glob(f"{PREFIX}*/{file}")
    ]
    return sorted({int(name[1]) for name in names if name})


def is_sound(state: Mapping[str, Any]) -> bool:
    """Whether a checkpoint is from before training began to break down."""
    return bool(state.get("sound", True))


def kept_steps(states: Mapping[int, Mapping[str, Any]], config: CheckpointConfig) -> set[int]:
    """Steps of the last `keep` checkpoints, the best, every `keep_every`-th, and the last sound one.

    Args:
        states: State of each checkpoint, in the order of steps.
        config: Settings of the run.
    """
    given = {step: state.get("validation") for step, state in states.items()}
    scores = {step: float(score) for step, score in given.items() if score is not None and math.isfinite(score)}
    sound = [step for step, state in states.items() if is_sound(state)]
    every = config.keep_every
    kept = {*list(states)[-config.keep :], *sound[-1:]}
    kept |= {step for step in states if every is not None and step % (every * config.every) == 0}
    return kept | set(sorted(scores, key=lambda step: scores[step])[:1])


def replace_folder(folder: Path, final: Path) -> None:
    """Rename the folder of a whole checkpoint; one of steps that are done again takes the place of the earlier one."""
    replaced = final.with_name(f"{TEMPORARY}replaced-{final.name.removeprefix(PREFIX)}")
    if final.exists():
        final.rename(replaced)
    folder.rename(final)
    shutil.rmtree(replaced, ignore_errors=True)
    handle = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
