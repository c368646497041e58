"""A small tri-modal run by the command line alone, and the values of it that no later version may change.

Everything goes through `triptych` commands and the files that they write, so that the same lines run on any version.
Paths are relative to a copy of the folder `home`, which is the working directory: a run refuses another path.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FIXTURES = HERE / "e4f0899"  # what that version made; later ones open it
ENGINES = {"serial": (), "dask": ("--workers", "2"), "beam": ()}
PROMPTS = {"text": "", "t2i": "kalomi ren", "t2s": "kalomi ren", "i2t": "picture.png", "s2t": "clip.flac"}
TIMED = ("tokens_per_second", "flops_per_second", "mfu", "seconds")

Command = Callable[..., None]  # runs `triptych` with these arguments


def prepare(command: Command, engine: str) -> dict[str, Any]:
    """Prepare the corpus by an engine into the folder ENGINE; returns what must stay the same."""
    command("prepare", "run.yaml", "--set", f"out={engine}", "--engine", engine, *ENGINES[engine])
    return of_dataset(Path(engine))


def of_dataset(folder: Path) -> dict[str, Any]:
    """Fingerprints, shards, ledger and lists of a dataset."""
    import pyarrow
    import pyarrow.parquet as pq

    manifest = json.loads((folder / "manifest.json").read_bytes())
    lists = {name: pq.read_table(folder / f"{name}.parquet").to_pylist() for name in ("dropped", "duplicates")}
    return {
        "run": manifest["run"],
        "vocabulary": manifest["vocabulary_fingerprint"],
        "tokenizers": {name: entry["card"]["fingerprint"] for name, entry in manifest["tokenizers"].items()},
        "shards": [[shard["group"], shard["file"], shard["rows"], shard["xxh3"]] for shard in manifest["shards"]],
        "ledger": [
            [line["source"], line["stage"], line["rows_in"], line["kept"], line["dropped"], line["tokens_in"]]
            for line in manifest["ledger"]
        ],
        **{name: digest(manifest[name]) for name in ("statistics", "codebooks", "dedup", "decontamination")},
        **{name: [len(rows), digest(rows)] for name, rows in lists.items()},
        # the lists are Parquet, whose bytes are others with another version of the library
        "fingerprint": [pyarrow.__version__, manifest["fingerprint"]],
    }


def train(command: Command, *changes: str) -> list[dict[str, Any]]:
    """Train on the dataset in `serial`, or go on; returns the lines of the log without what depends on the clock."""
    command("train", "train.yaml", *(part for change in changes for part in ("--set", change)))
    lines = [json.loads(line) for line in Path("trained/metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in TIMED} for line in lines]


def sample(command: Command) -> dict[str, list[list[int]]]:
    """Two samples of every task by the model of the fixture: their ids."""
    if not Path("model-of").exists():
        shutil.copytree(FIXTURES / "trained", "model-of")
    found = {}
    for task, prompt in PROMPTS.items():
        asked = ("--task", task, "--prompt", prompt, "--out", f"samples-{task}", "--n", "2", "--seed", "1")
        command("sample", "model-of", *asked, "--steps", "8", "--set", "temperature=1.0")
        facts = json.loads(Path(f"samples-{task}/samples.json").read_text())
        found[task] = [each["tokens"] for each in facts["samples"]]
    return found


def digest(value: Any) -> str:
    """A hash of JSON-like values; bytes count as their hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, default=lambda data: data.hex())
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
