"""Train the runs of a sweep one after another; finished runs are skipped, interrupted runs are resumed."""

import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from ...schemas.config.training import TrainConfig
from ...schemas.errors import Refusal, brief
from ..data.plan import plan_of
from ..remote.remote_run import RemoteRun, records_of
from ..run import require_possible, train, write_run_record
from ..run_record import RUN
from .collect import RunLog

State = Literal["trained", "done before", "stopped", "failed"]


def sweep(runs: Mapping[str, TrainConfig]) -> Iterator[tuple[str, State, str]]:
    """Train the unfinished runs, and yield the name and state of each run; ends after a run that was stopped.

    A run that fails, such as one whose learning rate is too high, is marked, and the others are trained.

    Yields:
        Name, state, and why it failed ("" if it did not).

    Raises:
        Refusal: Before any work, for data that cannot be mixed, and for a folder that holds another run.
    """
    for config in runs.values():
        plan, remote = plan_of(config), RemoteRun.of(config)
        require_possible(config, plan)
        with records_of(config) as folder:
            if not (folder / RUN).exists():
                write_run_record(config, plan, 1, folder)
                if remote is not None:
                    remote.write_record(folder)
    for name, config in runs.items():
        with records_of(config) as folder:
            finished = (folder / "model" / "config.json").exists() and RunLog.read(folder, name).finished
        if finished:
            yield name, "done before", ""
            continue
        try:
            ended = train(config)
        except Refusal as refusal:
            if refusal.exit_code != 1:
                raise
            yield name, "failed", str(refusal)
            continue
        except Exception as error:  # such as a lack of memory, which the next run may not have
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(frame.filename).name}, line {frame.lineno}"
            yield name, "failed", f"{type(error).__name__} in {where}: {brief(error)}"
            continue
        yield name, "trained" if ended else "stopped", ""
        if not ended:
            return
