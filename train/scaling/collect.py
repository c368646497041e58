"""Collect the finished runs of a folder as points of a scaling law: size, tokens, operations and loss.

N counts parameters outside of embeddings. D counts tokens of segments, without padding. C counts operations as
model/network/flops.py does, including attention and head, summed over a run's log. The loss is that of the validation
at the last step: before that the learning rate is still high, and a shorter run would have reached a lower loss.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ...schemas.errors import Refusal
from ..metrics_file import read_lines
from ..remote.local_copy import local_logs
from ..remote.reaching import is_remote, naming
from ..run_record import RUN, RunRecord

Weights = Literal["ema", "raw"]
Of = Literal["all", "text", "image", "audio"]
# Keys that must agree for losses to be comparable: data, objective and validation.
SAME = ("objective", "data.datasets", "data.validation", "validation.rows", "vocabulary", "trained_on")


class Loss(NamedTuple):
    """Which validation NELBO to use, in bits per token: weights and modality.

    `all` is the mean over all targets, so that modalities count in proportion to their tokens.
    """

    weights: Weights = "ema"
    of: Of = "all"

    @property
    def name(self) -> str:
        """Description for tables and figures."""
        what = "all modalities by number of targets" if self.of == "all" else self.of
        which = "EMA of the weights" if self.weights == "ema" else "raw weights"
        return f"validation NELBO, bits per token, {what}, {which}"


@dataclass(frozen=True)
class Point:
    """A finished run."""

    name: str
    parameters: int
    tokens: int
    flops: float
    loss: float


@dataclass(frozen=True)
class RunLog:
    """The records of a run's folder."""

    name: str
    record: RunRecord
    lines: tuple[dict[str, Any], ...]

    @classmethod
    def read(cls, folder: Path, name: str) -> "RunLog":
        """Read a folder; raises Refusal if `run.json` is damaged."""
        record = RunRecord.read(folder)
        return cls(name, record, tuple(read_lines(folder)))

    @property
    def finished(self) -> bool:
        """Whether the last step was reached, and validated if the run holds anything out."""
        last = self.lines[-1] if self.lines else {"step": 0}
        data = self.record.config.get("data")
        validated = "split" in last or not (isinstance(data, dict) and data.get("validation"))
        return bool(last["step"] == self.record.config.get("steps")) and validated

    def point(self, loss: Loss) -> Point:
        """The run as a point; raises Refusal if it has no such loss, or figures that make no sense."""
        try:
            return self._point(loss)
        except (KeyError, TypeError, ArithmeticError):
            raise Refusal(
                f"{self.name}: its metrics lack figures of its steps or of its last validation. Restore the file, or "
                "leave the run out.",
                exit_code=1,
            ) from None

    def _point(self, loss: Loss) -> Point:
        steps = [line for line in self.lines if "split" not in line]
        tokens = [0, *(line["tokens"] for line in steps)]
        costs = [line["flops_per_second"] / line["tokens_per_second"] for line in steps]  # per token
        flops = sum(cost * (now - before) for cost, (before, now) in zip(costs, pairwise(tokens), strict=True))
        return Point(self.name, self.record.parameters.rest, tokens[-1], flops, self._loss(loss))

    def _loss(self, loss: Loss) -> float:
        held = [
            line for line in self.lines if line.get("split") == "validation" and line.get("weights") == loss.weights
        ]
        if not held:
            other = "raw" if loss.weights == "ema" else "ema"
            raise Refusal(
                f"{self.name}: has no validation of the {loss.weights} weights. Take `--weights {other}`, or train "
                "with `data.validation` above 0 and, for ema, an `ema` block."
            )
        bits, targets = held[-1]["nelbo"], held[-1]["targets"]
        if loss.of == "all":
            return float(sum(bits[modality] * targets[modality] for modality in bits) / sum(targets.values()))
        if loss.of not in bits:
            raise Refusal(f"{self.name}: no {loss.of} was held out. Take `--of` with one of {', '.join(bits)}.")
        return float(bits[loss.of])


def read_logs(folder: Path) -> list[RunLog]:
    """The logs of all runs below a folder, by name; raises Refusal if there is none."""
    found = sorted(path.parent for path in folder.rglob(RUN) if "checkpoints" not in path.parts)
    if not found:
        raise Refusal(f"{folder}: holds no run (a folder with {RUN}). Give the folder below which the runs lie.")
    return [RunLog.read(path, path.relative_to(folder).as_posix()) for path in found]


def collect(folder: str | Path, loss: Loss) -> tuple[list[Point], list[str]]:
    """Collect the finished runs below a folder.

    Args:
        folder: Folder or fsspec URL with runs.
        loss: Loss to use.

    Returns:
        Points of the finished runs, and names of the unfinished ones.

    Raises:
        Refusal: For runs whose losses are not comparable, naming two of them and the key in which they differ.
    """
    local = local_logs(folder)
    with naming(str(folder), local) if is_remote(str(folder)) else nullcontext():
        found = read_logs(local)
    finished = [log for log in found if log.finished]
    _require_same(finished)
    return [log.point(loss) for log in finished], [log.name for log in found if not log.finished]


def _require_same(found: Sequence[RunLog]) -> None:
    for first, other in pairwise(found):
        for key in SAME:
            if _at(first, key) != _at(other, key):
                raise Refusal(
                    f"{first.name} and {other.name} differ in `{key}`, so their losses are not comparable. "
                    "Give a folder whose runs agree in it.",
                    exit_code=1,
                )


def _at(log: RunLog, key: str) -> Any:
    facts = log.record.model_dump(mode="json")
    node: Any = facts if key in facts else log.record.config
    for part in key.split("."):
        node = node[part]
    return node
