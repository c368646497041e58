"""Finished runs of a folder as points of a scaling law: size, tokens, operations, and the loss that was asked for.

N counts parameters outside of embeddings. D counts tokens of segments, padding not. C counts operations as
model/flops.py does, with attention and head, summed up from a run's log. The loss is a validation's at the last step:
on the way there the learning rate is still high, and a shorter run would have been better.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ...schemas.errors import Refusal
from ...schemas.identity import unseal
from ..metrics import FILE
from ..run import RUN

Weights = Literal["ema", "raw"]
Of = Literal["all", "text", "image", "audio"]
# What must be the same for losses to be of one law: what is read, what is predicted, and how that is judged.
SAME = ("objective", "data.datasets", "data.validation", "validation.rows", "vocabulary", "trained_on")


class Loss(NamedTuple):
    """Which loss: the validation NELBO, in bits per token, of these weights and this modality.

    `all` is the mean over all targets, so that modalities count by their tokens.
    """

    weights: Weights = "ema"
    of: Of = "all"

    @property
    def name(self) -> str:
        """In words."""
        what = "all modalities by their targets" if self.of == "all" else self.of
        which = "mean of the weights (EMA)" if self.weights == "ema" else "weights as they are"
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
    """A run's folder as it was read."""

    name: str
    facts: dict[str, Any]  # run.json
    lines: tuple[dict[str, Any], ...]

    @classmethod
    def read(cls, folder: Path, name: str) -> "RunLog":
        """Raises Refusal when `run.json` is not what was written there."""
        try:
            facts = unseal((folder / RUN).read_bytes())
        except ValueError as error:
            raise Refusal(f"{folder / RUN}: {error}. Remove that run's folder, and train it again.") from None
        path = folder / FILE
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return cls(name, facts, tuple(json.loads(line) for line in lines if line.endswith("\n")))

    @property
    def finished(self) -> bool:
        """Whether the last step was reached, and validated where anything is held out."""
        last = self.lines[-1] if self.lines else {"step": 0}
        validated = "split" in last or not self.facts["config"]["data"]["validation"]
        return bool(last["step"] == self.facts["config"]["steps"]) and validated

    def point(self, loss: Loss) -> Point:
        """Raises Refusal when it lacks that loss."""
        steps = [line for line in self.lines if "split" not in line]
        tokens = [0, *(line["tokens"] for line in steps)]
        costs = [line["flops_per_second"] / line["tokens_per_second"] for line in steps]  # of a token
        flops = sum(cost * (now - before) for cost, (before, now) in zip(costs, pairwise(tokens), strict=True))
        return Point(self.name, self.facts["parameters"]["rest"], tokens[-1], flops, self._loss(loss))

    def _loss(self, loss: Loss) -> float:
        held = [line for line in self.lines if line.get("split") == "validation" and line["weights"] == loss.weights]
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
    """The runs below a folder, by name; raises Refusal when there is none."""
    found = sorted(path.parent for path in folder.rglob(RUN) if "checkpoints" not in path.parts)
    if not found:
        raise Refusal(f"{folder}: holds no run (a folder with {RUN}). Give the folder below which the runs lie.")
    return [RunLog.read(path, path.relative_to(folder).as_posix()) for path in found]


def collect(folder: Path, loss: Loss) -> tuple[list[Point], list[str]]:
    """Points of the finished runs below a folder, and the names of those that are not finished.

    Raises Refusal for runs whose losses cannot be of one law, naming two of them and the key in which they differ.
    """
    found = read_logs(folder)
    finished = [log for log in found if log.finished]
    _require_same(finished)
    return [log.point(loss) for log in finished], [log.name for log in found if not log.finished]


def _require_same(found: Sequence[RunLog]) -> None:
    for first, other in pairwise(found):
        for key in SAME:
            if _at(first, key) != _at(other, key):
                raise Refusal(
                    f"{first.name} and {other.name} differ in `{key}`, and so their losses are of two laws. "
                    "Give a folder with runs of one kind.",
                    exit_code=1,
                )


def _at(log: RunLog, key: str) -> Any:
    node: Any = log.facts if key in log.facts else log.facts["config"]
    for part in key.split("."):
        node = node[part]
    return node
