"""run.json of a training run: its configuration, what it was trained on, and its size."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError

from ..schemas.base import RECORD, Strict
from ..schemas.config.training import TrainConfig
from ..schemas.errors import Refusal
from ..schemas.identity import sealed_json, unseal

RUN = "run.json"
SKIPPED = "rows of the steps"  # key of a rollback among the changes


class TrainedOn(Strict):
    """A dataset of the run: where it was, and its fingerprints."""

    path: str
    fingerprint: str
    vocabulary: str
    has_content: bool = False  # True if its documents were held out by their content, False: by their ids


class ParameterCounts(Strict):
    """Numbers of parameters."""

    embedding: int
    rest: int


class InitialPart(Strict):
    """Where the values of a part of a new model came from."""

    part: str
    taken: int  # values of the other model
    new: int  # newly initialised
    left: int  # values of the other model that have no place in this one


class InitialWeights(Strict):
    """What a run began with that was the model of another."""

    source: str
    weights: str  # xxh3-128 of their file or checkpoint
    parts: tuple[InitialPart, ...]


class Change(Strict):
    """Keys of the train file that were changed when the run was resumed, with `--change`."""

    step: int  # steps done before
    keys: dict[str, tuple[Any, Any]]  # key -> value before and after


class Stretch(Strict):
    """Steps whose rows follow one plan without a gap: up to the next stretch, or the end.

    The first stretch of a run begins at its first step. A new one begins where a change of the train file gives a step
    other rows, and where a run goes back to a checkpoint and on behind the rows that it has read since.
    """

    first_step: int  # steps done before
    plan: str  # fingerprint of the order of rows
    data: dict[str, Any]  # `data` of the train file
    steps: int  # of the train file; `max_epochs` makes the shares depend on it
    trained_on: tuple[TrainedOn, ...]
    before: dict[str, int] = Field(
        default_factory=dict
    )  # rows that each stream had given before, by `MixComponent.key`


class RunRecord(Strict):
    """What `run.json` holds."""

    config: dict[str, Any]  # a TrainConfig, with the keys of the version that wrote it
    trained_on: tuple[TrainedOn, ...]
    plan: str  # fingerprint of the order of rows
    vocabulary: str  # fingerprint
    parameters: ParameterCounts
    kappa: float  # factor of the batch scaling rule
    processes: int
    changes: tuple[Change, ...] = ()
    stretches: tuple[Stretch, ...] = ()  # empty in runs of versions that did not record them
    initial: InitialWeights | None = None  # with `init` in the train file

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the record of a run's folder.

        Raises:
            Refusal: The folder is that of no run, or its record was changed.
        """
        path = folder / RUN
        try:
            return cls.model_validate(unseal(path.read_bytes()))
        except (FileNotFoundError, NotADirectoryError):
            raise Refusal(
                f"{folder}: has no {RUN}, so it is no run of `triptych train`. Give a run's folder."
            ) from None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(map(str, first["loc"]))
            raise Refusal(f"{path}: `{key}`: {first['msg']}. It was written by another version.", exit_code=1) from None
        except ValueError as error:
            raise Refusal(f"{path}: {error}. Restore the file, or train again.", exit_code=1) from None

    @property
    def training(self) -> TrainConfig:
        """The train file, with the meaning that it had for the version that wrote the record."""
        return TrainConfig.model_validate(self.config, context=RECORD)

    @property
    def known_stretches(self) -> tuple[Stretch, ...]:
        """The stretches of the run; where none is recorded, the only one, if no change gave steps other rows."""
        capped = any(entry.get("max_epochs") for entry in self.config["data"]["datasets"])
        other = (SKIPPED, "data.", *(("steps",) if capped else ()))
        if self.stretches or any(key.startswith(other) for change in self.changes for key in change.keys):
            return self.stretches
        return self.with_stretch({}).stretches

    def with_rollback(self, change: Change, done: int) -> Self:
        """A copy with a rollback, after the first `done` of before; later ones are undone."""
        others = [each for each in self.changes if SKIPPED not in each.keys]
        before = [each for each in self.changes if SKIPPED in each.keys][:done]
        return self.model_copy(update={"changes": (*others, *before, change)})

    def with_stretch(self, state: Mapping[str, Any]) -> Self:
        """A copy in which the rows from here on are those of a loader's state, and stretches after it are undone."""
        first = state.get("first_step", 0)
        now = Stretch(
            first_step=first,
            plan=self.plan,
            data=self.config["data"],
            steps=self.config["steps"],
            trained_on=self.trained_on,
            before=state.get("before", {}),
        )
        kept = (each for each in self.stretches if each.first_step < first)
        return self.model_copy(update={"stretches": (*kept, now)})

    def write(self, folder: Path) -> None:
        """Write the record, sealed; when it cannot be written, the one before stays whole."""
        (folder / f"{RUN}.new").write_bytes(sealed_json(self.model_dump(mode="json")))
        (folder / f"{RUN}.new").replace(folder / RUN)
