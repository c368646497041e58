"""Samples of a run by step, read from the sets below `samples` in its folder: what a page shows side by side.

A training writes sets there (`samples` of the train file); so does `triptych sample RUN --out RUN/samples/NAME`. A set
is taken as it stands in its samples.json, and nothing but the files that it lists is read. Nothing here needs torch.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..schemas.identity import parse_json
from ..schemas.storage.store import Store

FOLDER, LIST = "samples", "samples.json"
FILE = re.compile(r"sample-\d{3,}\.(txt|png|wav)")


@dataclass(frozen=True)
class RunSample:
    """One sample."""

    path: str  # of its file, in the run's folder
    step: int | None  # None: of the finished model
    task: str
    prompt: str
    text: str | None

    @property
    def kind(self) -> str:
        """What its file holds: `txt`, `png` or `wav`."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True)
class PromptSamples:
    """The samples of one prompt, by step in the order of steps; those of the finished model stand last."""

    task: str
    prompt: str
    steps: tuple[tuple[int | None, tuple[RunSample, ...]], ...]


def run_samples(store: Store) -> list[RunSample]:
    """Read the list of all samples of a run; a set that is unfinished or damaged is left out."""
    lists = [name for name in store.names(FOLDER) if name.endswith(f"/{LIST}")]
    found: list[RunSample] = []
    for name, data in zip(lists, store.read_all(lists), strict=True):
        try:
            found += _samples(name.removesuffix(LIST), parse_json(data))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            continue
    return found


def _samples(folder: str, facts: dict[str, Any]) -> list[RunSample]:
    step, task = facts["step"], str(facts["task"])
    lines = [line for line in facts["samples"] if FILE.fullmatch(line["file"])]
    return [
        RunSample(
            f"{folder}{line['file']}",
            None if step is None else int(step),
            task,
            str(line["prompt"]),
            None if line["text"] is None else str(line["text"]),
        )
        for line in lines
    ]


def by_prompt(samples: Sequence[RunSample]) -> list[PromptSamples]:
    """Put samples of one task and prompt beside each other."""
    groups: dict[tuple[str, str], dict[int | None, list[RunSample]]] = {}
    for one in samples:
        groups.setdefault((one.task, one.prompt), {}).setdefault(one.step, []).append(one)
    return [
        PromptSamples(
            task,
            prompt,
            tuple((step, tuple(steps[step])) for step in sorted(steps, key=lambda at: (at is None, at or 0))),
        )
        for (task, prompt), steps in sorted(groups.items())
    ]


def thinned(prompt: PromptSamples, most: int) -> PromptSamples:
    """Keep at most so many steps, evenly chosen, the first and the last among them."""
    count = len(prompt.steps)
    if count <= most:
        return prompt
    chosen = sorted({round(at * (count - 1) / (most - 1)) for at in range(most)})
    return PromptSamples(prompt.task, prompt.prompt, tuple(prompt.steps[at] for at in chosen))
