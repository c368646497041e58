"""Reading a source whole, with what must hold of every reader checked on the way."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from triptych.pipelines.sources.base import ROW_FIELDS, Drop, Reader
from triptych.pipelines.sources.registry import open_source
from triptych.schemas.config.run import Limits
from triptych.schemas.config.sources import Source

os.environ["HF_HUB_OFFLINE"] = "1"


@dataclass
class Read:
    """All that came out of a source, unit after unit."""

    rows: list[dict[str, Any]]
    drops: list[Drop]
    tables: list[pa.Table]
    digests: list[str]
    labels: list[str]

    @property
    def reasons(self) -> dict[int, str]:
        return {drop.row: drop.reason for drop in self.drops}

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]


def _open(row_bytes: int = 64 << 20, budget: int = 32 << 20, **config: Any) -> Reader:
    source = TypeAdapter(Source).validate_python({"name": "src", **config})
    return open_source(source, Limits(row_bytes=row_bytes), budget)


def _read(row_bytes: int = 64 << 20, budget: int = 32 << 20, **config: Any) -> Read:
    reader = _open(row_bytes, budget, **config)
    names = ["text", *(name for name in ("image", "audio") if name in config["modality"])]
    names += ["license"] if "license" in config else []
    schema = pa.schema([(name, ROW_FIELDS[name]) for name in ("row", *names)])
    read = Read([], [], [], [], [])
    for unit in reader.units():
        batches = list(reader.read(unit))
        for batch in batches:
            assert batch.table.schema == schema
            batch.table.validate(full=True)
            assert all(not batch.table[name].null_count for name in schema.names if name != "license")
            values = [value for name in names for value in batch.table[name].to_pylist() if value is not None]
            payload = sum(len(value.encode() if isinstance(value, str) else value) for value in values)
            assert payload <= budget or len(batch.table) == 1
            assert len(batch.table) or batch.drops
        rows = [row for batch in batches for row in batch.table.to_pylist()]
        drops = [drop for batch in batches for drop in batch.drops]
        numbers = [row["row"] for row in rows]
        assert numbers == sorted(numbers)
        assert sorted({*numbers, *(d.row for d in drops)}) == sorted([*numbers, *(d.row for d in drops)])
        assert sum(drop.row == -1 for drop in drops) <= 1
        read.rows += rows
        read.drops += drops
        read.tables += [batch.table for batch in batches]
        read.digests.append(reader.digest(unit))
        read.labels.append(unit.label)
    return read


@pytest.fixture(scope="session")
def opened() -> Callable[..., Reader]:
    return _open


@pytest.fixture(scope="session")
def read() -> Callable[..., Read]:
    return _read


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that another user can enter, as tmp_path's parents cannot."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def unprivileged() -> Callable[[str], str]:
    """Runs Python code in a fresh process that file permissions apply to, and returns what it printed."""

    def run(code: str) -> str:
        # imports come first: the interpreter's own folder may be closed to that user
        imports = (
            "import os\nfrom pydantic import TypeAdapter\nimport triptych.pipelines.sources.folder\n"
            "import triptych.pipelines.sources.jsonl\nfrom triptych.pipelines.sources.registry import open_source\n"
            "from triptych.schemas.errors import Refusal\nfrom triptych.schemas.config.run import Limits\n"
            "from triptych.schemas.config.sources import Source\n"
            "import fsspec.implementations.local\n"
            "def open_(**config):\n"
            "    source = TypeAdapter(Source).validate_python({'name': 'src', **config})\n"
            "    return open_source(source, Limits(), 1 << 20)\n"
            "if os.geteuid() == 0:\n    os.setgid(65534)\n    os.setuid(65534)\n"
        )
        done = subprocess.run([sys.executable, "-c", imports + code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


MEASURE = """
import json, resource, sys
from pydantic import TypeAdapter
from triptych.pipelines.sources.registry import open_source
from triptych.schemas.config.run import Limits
from triptych.schemas.config.sources import Source

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

for config in map(json.loads, sys.argv[1:]):
    before = peak()
    source = TypeAdapter(Source).validate_python({"name": "s", **config})
    reader = open_source(source, Limits(row_bytes=1 << 20), 1 << 20)
    found = []
    for unit in reader.units():
        for batch in reader.read(unit):
            found.append((batch.table["row"].to_pylist(), [(drop.row, drop.reason) for drop in batch.drops]))
            del batch
print(found)
print(peak() - before)
"""


@pytest.fixture(scope="session")
def growth() -> Callable[..., tuple[str, int]]:
    """Reads a small source, then a large one, in a fresh process.

    Returns the printed (rows, drops) of the large one, and the MiB by which it raised the peak of memory.
    """

    def run(small: dict[str, Any], large: dict[str, Any]) -> tuple[str, int]:
        command = [sys.executable, "-c", MEASURE, json.dumps(small), json.dumps(large)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found, grown = done.stdout.splitlines()
        return found, int(grown)

    return run
