"""The checkpoints of a run at a URL, where nothing is renamed.

A checkpoint is there once its `state.json` is, which is written after all other files and deleted before them. A folder
without one belongs to a save that was killed.
"""

from pathlib import Path

from ...schemas.storage.full_disk import refusing_full_disk
from ...schemas.storage.store import Store
from ..checkpoint.retention import NAME, folder_name
from ..checkpoint.seal import STATE, damaged, rank_of, read_state
from .reaching import reaching

FOLDER = "checkpoints"


class CheckpointStore:
    """Uploads and downloads checkpoints; a local folder has those that are in use."""

    def __init__(self, store: Store, folder: Path) -> None:
        """Create the store's view.

        Args:
            store: Store of the run.
            folder: Local folder of the checkpoints.
        """
        self._store = store
        self._folder = folder

    def files(self) -> dict[int, set[str]]:
        """Names of the files of each checkpoint by step, also of those without a `state.json`."""
        found: dict[int, set[str]] = {}
        for name in self._store.names(FOLDER):
            folder, _, file = name.removeprefix(f"{FOLDER}/").partition("/")
            step = NAME.fullmatch(folder)
            if step and (file == STATE or rank_of(file) is not None):
                found.setdefault(int(step[1]), set()).add(file)
        return found

    def fetch_states(self, folder: Path) -> list[int]:
        """Download the `state.json` of every complete checkpoint below a local folder; returns their steps."""
        steps = sorted(step for step, files in self.files().items() if STATE in files)
        self._get([(self._name(step, STATE), folder / folder_name(step) / STATE) for step in steps])
        return steps

    def fetch(self, step: int) -> None:
        """Download the files of a checkpoint that are not in the local folder, or are damaged there."""
        local = self._folder / folder_name(step)
        with reaching(self._store.url):
            names = self.files().get(step, set())
        self._get([(self._name(step, STATE), local / STATE)] if STATE in names else [])
        try:
            entries = read_state(local)[1] or {}
        except (OSError, ValueError):  # refused by whoever loads it
            return
        have = {name for name, entry in entries.items() if damaged(local, {name: entry}, 0, 1) is None}
        self._get([(self._name(step, name), local / name) for name in sorted(names - have - {STATE})])

    def upload(self, step: int, folder: Path, names: list[str]) -> None:
        """Upload files of a checkpoint from a local folder."""
        with reaching(self._store.url):
            paths = [self._store.path(self._name(step, name)) for name in names]
            self._store.fs.put([str(folder / name) for name in names], paths)

    def open(self, step: int) -> None:
        """Delete the `state.json` of a checkpoint, before its files are written anew."""
        with reaching(self._store.url):
            self._store.delete(self._name(step, STATE))

    def seal(self, step: int, folder: Path) -> None:
        """Upload the `state.json` of a checkpoint, after which it is complete."""
        with reaching(self._store.url):
            self._store.write(self._name(step, STATE), (folder / STATE).read_bytes())

    def remove(self, step: int) -> None:
        """Delete a checkpoint, `state.json` first."""
        with reaching(self._store.url):
            for name in (STATE, *sorted(self.files().get(step, set()) - {STATE})):
                self._store.delete(self._name(step, name))

    def sweep(self) -> None:
        """Delete what killed saves left."""
        with reaching(self._store.url):
            for step in [step for step, files in self.files().items() if STATE not in files]:
                self.remove(step)

    def _get(self, files: list[tuple[str, Path]]) -> None:
        if not files:
            return
        with reaching(self._store.url), refusing_full_disk(self._folder):
            for _, path in files:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._store.fs.get([self._store.path(name) for name, _ in files], [str(path) for _, path in files])

    def _name(self, step: int, file: str) -> str:
        return f"{FOLDER}/{folder_name(step)}/{file}"
