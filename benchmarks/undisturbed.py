"""What commands give that nobody kills, for every version of a run file, with documents taken down or not."""

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import xxhash

from .killing import Killing, Stamps, committed, differences, takedown

TAKEN = 2  # documents that a takedown names
TAKEN_DOWN = "takedown.txt"

Version = tuple[str, ...]  # overrides of the run file


class State(NamedTuple):
    """Of which version a dataset is, and of which it was when documents were taken down, if they were."""

    version: Version
    taken: Version | None = None


class Expected(NamedTuple):
    """Fingerprints of a dataset's files, and the number of files that the command changed which made it."""

    digests: dict[str, str]
    changes: int


def digests(out: Path) -> dict[str, str]:
    """Fingerprint of every file of the dataset: all but what resume keeps and the run's own report."""
    names = [name for name in committed(out) if not name.startswith("_work/") and name != "run.json"]
    return {name: xxhash.xxh3_128_hexdigest((out / name).read_bytes()) for name in sorted(names)}


class Undisturbed:
    """Datasets below a folder, made when they are first needed.

    Args:
        runs: Runs the commands.
        folder: Where the datasets are.
        versions: All versions of the run file.
        seed: Draws the documents that are taken down, of those that every version has.
    """

    def __init__(self, runs: Killing, folder: Path, versions: Sequence[Version], seed: int) -> None:
        self._runs, self._folder, self._versions, self._seed = runs, folder, tuple(versions), seed
        self._prepared: dict[State, Expected] = {}
        self._taken: dict[Version, Expected] = {}
        folder.mkdir()

    def prepared(self, state: State) -> Expected:
        """A dataset of its own; documents that were taken down are named before it begins."""
        if state not in self._prepared:
            out = self._out(state)
            out.mkdir()
            if state.taken is not None:
                self.taken(state.taken)
                shutil.copy(self._out(state.taken) / TAKEN_DOWN, out / TAKEN_DOWN)
            self._prepared[state] = self._made(out, self._runs.prepare(out, ("serial",), state.version))
        return self._prepared[state]

    def taken(self, version: Version) -> Expected:
        """A dataset of which documents were taken down."""
        if version not in self._taken:
            self.prepared(State(version))
            out = Path(shutil.copytree(self._out(State(version)), self._out(version)))
            self._taken[version] = self._made(out, takedown(out, self.ids()))
        return self._taken[version]

    def ids(self) -> Path:
        """File of the ids that are taken down."""
        path = self._folder / "ids.txt"
        if not path.exists():
            every = set.intersection(*map(self._all_ids, self._versions))
            path.write_text("".join(f"{each}\n" for each in random.Random(self._seed).sample(sorted(every), TAKEN)))
        return path

    def _all_ids(self, version: Version) -> set[str]:
        self.prepared(State(version))
        out = str(self._out(State(version)))
        said = self._runs.finish(["takedown", out, "--file", "*", "--dry-run", "--json"])
        return set(json.loads(said.splitlines()[-1])["ids"])

    def _made(self, out: Path, arguments: list[str]) -> Expected:
        before: Stamps = committed(out)
        self._runs.finish(arguments)
        return Expected(digests(out), differences(before, committed(out)))

    def _out(self, what: State | Version) -> Path:
        return self._folder / xxhash.xxh3_64_hexdigest(repr(what).encode())
