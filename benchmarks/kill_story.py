"""One folder through kills of `prepare` and `takedown`, with changes of the run file in between.

After each phase the dataset must have the bytes that the same commands give which nobody kills.
"""

import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .json_log import Line
from .kill_log import SAME
from .killing import Arguments, Engine, Failed, Killing, Stamps, committed, takedown
from .undisturbed import State, Undisturbed, Version, digests

# what is run, and how often it is killed before it may end
PHASES = (("prepare", 2), ("prepare", 1), ("takedown", 2), ("prepare", 1))
LATER = 0.1  # seconds, at most, from the number of files to the kill


class Choices(NamedTuple):
    """What a story draws from."""

    engines: Sequence[Engine]
    versions: Sequence[Version]


class Story:
    """A folder of its own, and what was done to it.

    Args:
        runs: Runs and kills the commands.
        undisturbed: What must come of them.
        choices: Engines and versions of the run file.
        out: The folder.
        number: Number of the first try.
        seed: Seed of the benchmark.
    """

    def __init__(
        self, runs: Killing, undisturbed: Undisturbed, choices: Choices, out: Path, number: int, seed: int
    ) -> None:
        self._runs, self._undisturbed, self._choices, self._out = runs, undisturbed, choices, out
        self._first, self._number, self._seed = number, number, seed
        self._draw = random.Random(f"{seed} {number}")
        self._engine: Engine = ()
        self._state = State(choices.versions[0])

    def phases(self, kills: int) -> Iterator[list[Line]]:
        """Yield the lines of each phase; end after so many kills, or when something other comes of them."""
        for action, most in PHASES:
            lines = self._phase(action, min(most, kills))
            kills -= sum(line["killed"] for line in lines)
            yield lines
            if kills <= 0 or lines[-1]["outcome"] != SAME:
                return

    def _phase(self, action: str, most: int) -> list[Line]:
        lines: list[Line] = []
        while len(lines) < most and all(line["killed"] for line in lines):
            lines.append(self._try(action))
        before = committed(self._out)
        arguments = self._next(action)
        outcome = self._outcome(action, arguments)
        if action == "prepare":
            lines[-1]["partitions_redone"] += redone(before, committed(self._out))
        after = [*(line["engine"] for line in lines[1:]), " ".join(self._engine) if action == "prepare" else "none"]
        return [line | {"resumed_by": each, "outcome": outcome} for line, each in zip(lines, after, strict=True)]

    def _try(self, action: str) -> Line:
        """Run a command and kill it."""
        began, before = time.perf_counter(), committed(self._out)
        arguments = self._next(action)
        changes = self._draw.randint(0, self._changes(action, before))
        killed = self._runs.kill_at(arguments, self._out, changes, self._draw.uniform(0, LATER))
        now = committed(self._out)
        line = {
            "number": self._number,
            "seed": self._seed,
            "story": f"{self._seed}-{self._first}",
            "engine": " ".join(self._engine) if action == "prepare" else "none",
            "action": action,
            "version": " ".join(self._state.version),
            "taken_down": self._state.taken is not None,
            "step": newest(before, now),
            "killed": killed,
            "partitions": len(partitions(now)),
            "partitions_redone": redone(before, now) if action == "prepare" else 0,
            "seconds": round(time.perf_counter() - began, 2),
        }
        self._number += 1
        return line

    def _next(self, action: str) -> Arguments:
        """The next command: of another engine, and perhaps of another version of the run file."""
        if action == "takedown":
            self._state = State(self._state.version, self._state.version)
            return takedown(self._out, self._undisturbed.ids())
        self._engine = self._draw.choice([each for each in self._choices.engines if each != self._engine])
        self._state = State(self._draw.choice(self._choices.versions), self._state.taken)
        return self._runs.prepare(self._out, self._engine, self._state.version)

    def _changes(self, action: str, before: Stamps) -> int:
        """About as many files as the command is going to change."""
        if action == "takedown":
            return self._undisturbed.taken(self._state.version).changes
        expected = self._undisturbed.prepared(self._state)
        # what was computed before is not computed again: mostly files of the dataset change
        return len(expected.digests) if "manifest.json" in before else max(expected.changes - len(before), 1)

    def _outcome(self, action: str, arguments: Arguments) -> str:
        """Let a command end, and compare."""
        try:
            self._runs.finish(arguments)
        except Failed as error:
            return f"failed: {error}"
        undisturbed = self._undisturbed
        if action == "takedown":
            expected = undisturbed.taken(self._state.version).digests
        else:
            expected = undisturbed.prepared(self._state).digests
        found = digests(self._out)
        other = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        return f"other bytes: {', '.join(other)}" if other else SAME


def partitions(files: Stamps) -> Stamps:
    """Those of the files that resume builds on."""
    return {name: stamp for name, stamp in files.items() if name.startswith("_work/") and name.endswith(".arrow")}


def redone(before: Stamps, now: Stamps) -> int:
    """Number of committed partitions that were written again, or that went."""
    return sum(now.get(name) != stamp for name, stamp in partitions(before).items())


def newest(before: Stamps, now: Stamps) -> str:
    """The step that a command was in: the folder, with its parent, of the file that it wrote last."""
    new: dict[str, Any] = {name: stamp[1] for name, stamp in now.items() if before.get(name) != stamp}
    return "/".join(max(new, key=new.__getitem__).split("/")[:2]) if new else "nothing written"
