"""Train the runs of a sweep one after another; finished runs are skipped, interrupted runs are resumed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from ...schemas.config.training import TrainConfig
from ..data.plan import plan_of
from ..run import train, write_run_record
from .collect import RunLog

State = Literal["trained", "done before", "stopped"]


def sweep(runs: Mapping[str, TrainConfig]) -> Iterator[tuple[str, State]]:
    """Train the unfinished runs, and yield the name and state of each run; ends after a run that was stopped.

    Raises:
        Refusal: Before any work, for data that cannot be mixed, and for a folder that holds another run.
    """
    for config in runs.values():
        write_run_record(config, plan_of(config), 1)
    for name, config in runs.items():
        folder = Path(config.out)
        if (folder / "model" / "config.json").exists() and RunLog.read(folder, name).finished:
            yield name, "done before"
            continue
        ended = train(config)
        yield name, "trained" if ended else "stopped"
        if not ended:
            return
