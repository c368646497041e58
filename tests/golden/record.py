"""Records the golden values, and with `--fixtures` the folders of a version that later ones must open.

    python -m tests.golden.record                                 # golden.json: after a change of bytes that is meant
    python -m tests.golden.record --fixtures tests/golden/VERSION # once a version, by that version itself

A change of golden.json is a change of bytes that people have: it needs a raised version, a commit of its own and a
line in the CHANGELOG.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .runs import ENGINES, FIXTURES, HERE, prepare, sample, train

TRIPTYCH = [sys.executable, "-c", "from triptych.cli.main import main; main()"]


def command(*arguments: str) -> None:
    """Run `triptych` in a process of its own."""
    subprocess.run([*TRIPTYCH, *arguments], check=True)


def record() -> None:
    """Run everything and write golden.json."""
    datasets = {engine: prepare(command, engine) for engine in ENGINES}
    assert all(facts == datasets["serial"] for facts in datasets.values())
    # the fixture's: what is trained on is the same in all versions
    shutil.rmtree("serial")
    shutil.copytree(FIXTURES / "serial", "serial")
    golden = {"dataset": datasets["serial"], "train": train(command), "samples": sample(command)}
    (HERE / "golden.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n", encoding="utf-8")


def record_fixtures(target: Path) -> None:
    """A finished dataset, an unfinished `out`, and a training that was stopped halfway."""
    prepare(command, "serial")
    shutil.rmtree("serial/_work")
    interrupt(["prepare", "run.yaml", "--set", "out=unfinished", "--engine", "serial"], signal.SIGKILL, _encoding)
    interrupt(["train", "train.yaml"], signal.SIGTERM, _halfway)
    for name in ("serial", "unfinished", "trained"):
        shutil.copytree(name, target / name)


def interrupt(arguments: Sequence[str], number: signal.Signals, due: Callable[[], bool]) -> None:
    """Start a command and send it a signal as soon as `due()` holds."""
    process = subprocess.Popen([*TRIPTYCH, *arguments])
    while process.poll() is None and not due():
        time.sleep(0.002)
    process.send_signal(number)
    process.wait()


def _encoding() -> bool:
    """True once clips are being encoded: later stages are still to come."""
    return len(list(Path("unfinished/_work/audio").glob("*.arrow"))) >= 3


def _halfway() -> bool:
    """True once ten steps are logged."""
    log = Path("trained/metrics.jsonl")
    return log.exists() and log.read_bytes().count(b"\n") >= 10


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fixtures", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    fixtures = asked.fixtures.absolute() if asked.fixtures else None
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        home = shutil.copytree(HERE / "home", Path(folder) / "home")
        os.chdir(home)
        record_fixtures(fixtures) if fixtures else record()
