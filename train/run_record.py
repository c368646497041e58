"""run.json of a training run: its configuration, what it was trained on, and its size."""

from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from ..schemas.base import Strict
from ..schemas.config.training import TrainConfig
from ..schemas.errors import Refusal
from ..schemas.identity import sealed_json, unseal

RUN = "run.json"


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


class Change(Strict):
    """Keys of the train file that were changed when the run was resumed, with `--change`."""

    step: int  # steps done before
    keys: dict[str, tuple[Any, Any]]  # key -> value before and after


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
        """The train file."""
        return TrainConfig.model_validate(self.config)

    def write(self, folder: Path) -> None:
        """Write the record, sealed; when it cannot be written, the one before stays whole."""
        (folder / f"{RUN}.new").write_bytes(sealed_json(self.model_dump(mode="json")))
        (folder / f"{RUN}.new").replace(folder / RUN)
