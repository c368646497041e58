"""Services that a training logs its metrics to beside its own file: TensorBoard, Weights & Biases, MLflow.

Where they are, and under which project, is told to their libraries in the usual way, by environment variables
(WANDB_PROJECT, WANDB_MODE; MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME). What fails there ends no training.
"""

import json
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from ..schemas.config.training import TrackerName
from ..schemas.errors import Refusal
from ..schemas.identity import parse_json
from ..schemas.secrets import shown
from ..schemas.storage.full_disk import quiet_full_disk_in_threads
from ..schemas.visible import print_line
from .run_record import RunRecord

IDS = "trackers.json"  # the ids of a run at these services, so that a resumed run goes on there
PROJECT = "triptych"  # at a service, where no environment variable names another
PARAMETERS = 100  # that MLflow takes in one call


class Tracker(Protocol):
    """A service that shows metrics."""

    def show(self, figures: Mapping[str, float], step: int) -> None:
        """Log the figures of a step by their names, such as `train/loss`."""
        ...

    def close(self) -> None:
        """Send what waits to be sent."""
        ...


class TensorBoard:
    """Event files in the run's folder."""

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        quiet_full_disk_in_threads()
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def show(self, figures: Mapping[str, float], step: int) -> None:
        """Add the figures as scalars."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write the event file."""
        self._writer.close()


class WeightsAndBiases:
    """A run at Weights & Biases (https://docs.wandb.ai/ref/python/); with WANDB_MODE=offline, files below the run."""

    def __init__(self, folder: Path, step: int) -> None:
        import wandb

        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=folder.name,
            dir=str(folder),
            id=_id_of(folder, "wandb", lambda: uuid.uuid4().hex[:12]),
            resume="allow",
            reinit="finish_previous",  # after a rollback
            config=_configuration(folder),
            settings=wandb.Settings(silent=True, console="off"),
        )
        # its own count of calls must rise, but steps that a kill undid are logged again
        self._run.define_metric("*", step_metric="step")

    def show(self, figures: Mapping[str, float], step: int) -> None:
        """Log the figures beside the step."""
        self._run.log({**figures, "step": step})

    def close(self) -> None:
        """Send what is left."""
        self._run.finish()


class MLflow:
    """A run of an MLflow server or store (https://mlflow.org/docs/latest/ml/tracking/)."""

    def __init__(self, folder: Path, step: int) -> None:
        from mlflow.tracking import MlflowClient

        self._client: Any = MlflowClient()
        self._id = _id_of(folder, "mlflow", lambda: self._begin(folder))

    def _begin(self, folder: Path) -> str:
        from mlflow.entities import Param

        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        known = self._client.get_experiment_by_name(name)
        experiment = known.experiment_id if known else self._client.create_experiment(name)
        run: str = self._client.create_run(experiment, run_name=folder.name).info.run_id
        leaves = _leaves(_configuration(folder))
        parameters = [Param(key, str(value)[:500]) for key, value in leaves.items()]
        for at in range(0, len(parameters), PARAMETERS):
            self._client.log_batch(run, params=parameters[at : at + PARAMETERS])
        return run

    def show(self, figures: Mapping[str, float], step: int) -> None:
        """Log the figures in one call."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(self._id, metrics=[Metric(name, value, now, step) for name, value in figures.items()])

    def close(self) -> None:
        """Mark the run as finished; a resumed one logs to it all the same."""
        self._client.set_terminated(self._id)


KINDS: dict[TrackerName, Callable[[Path, int], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MLflow,
}


class Trackers:
    """The services of a run. One that fails is left, with a warning, and training goes on."""

    def __init__(self, names: Sequence[TrackerName], folder: Path, step: int) -> None:
        self._open: dict[str, Tracker] = {}
        for name in names:
            if name != "tensorboard" or find_spec("tensorboard") is not None:
                self._try(name, partial(self._start, name, folder, step))

    def _start(self, name: TrackerName, folder: Path, step: int) -> None:
        self._open[name] = KINDS[name](folder, step)

    def show(self, figures: Mapping[str, float], step: int) -> None:
        """Log the figures of a step at each service."""
        for name, tracker in list(self._open.items()):
            self._try(name, partial(tracker.show, figures, step))

    def close(self) -> None:
        """Close each service."""
        for name, tracker in list(self._open.items()):
            self._try(name, tracker.close)

    def _try(self, name: str, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # libraries and services fail in many ways, and a training must not
            self._open.pop(name, None)
            what = shown(" ".join(f"{type(error).__name__}: {error}".split()))[:300]
            print_line(f"warning: `log`: {name} gets no more metrics of this run ({what}). Training goes on.", err=True)


def require_trackers(names: Sequence[TrackerName]) -> None:
    """Raise a Refusal if the library of a service is missing; TensorBoard is left out where it is not installed."""
    for name in names:
        if name != "tensorboard" and find_spec(name) is None:
            raise Refusal(f"`log`: {name} is not installed. Run: pip install 'triptych[{name}]', or leave it out.")


def _id_of(folder: Path, service: str, make: Callable[[], str]) -> str:
    """The id of a run at a service, as it was at its first start."""
    file = folder / IDS
    known: dict[str, str] = {}
    with suppress(OSError, ValueError):
        known = parse_json(file.read_text(encoding="utf-8"))
    if service not in known:
        known[service] = make()
        file.write_text(json.dumps(known), encoding="utf-8")
    return known[service]


def _configuration(folder: Path) -> dict[str, Any]:
    """The train file as the run's record has it, without secrets, with the sizes of the model."""
    record = RunRecord.read(folder)
    return record.config | {"parameters": record.parameters.model_dump(), "vocabulary": record.vocabulary}


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found |= _leaves(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found
