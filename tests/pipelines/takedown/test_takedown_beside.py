"""Two takedowns at once, and a takedown beside a `prepare` and a training: one is refused by name, none does damage."""

import json
import os
import re
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import yaml

from triptych.pipelines.takedown.takedown import take_down

from ...processes import Forked
from .documents import documents, sound

COMMAND = "import sys; from triptych.cli.main import main; sys.argv[0] = 'triptych'; main()"
# a process stops itself where it holds the dataset, until it is told to go on
STOPPING = """
import os, signal, sys
import triptych.{module} as module
before = module.{function}
def stopped(*arguments, **more):
    os.kill(os.getpid(), signal.SIGSTOP)
    return before(*arguments, **more)
module.{function} = stopped
from triptych.cli.main import main
sys.argv[0] = "triptych"
main()
"""
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "500"}


def stopped(module: str, function: str, *arguments: str) -> Forked:
    process = Forked(STOPPING.format(module=module, function=function), arguments, ENVIRONMENT)
    while process.running() and not _is_stopped(process.pid):
        time.sleep(0.05)
    assert process.running(), process.end(1)
    return process


def _is_stopped(pid: int | None) -> bool:
    status = Path(f"/proc/{pid}/stat").read_text() if os.path.exists(f"/proc/{pid}/stat") else ""
    return bool(re.search(r"\) T ", status))


def run(*arguments: str) -> tuple[int | None, str]:
    return Forked(COMMAND, arguments, ENVIRONMENT).end(120)


def refused(ended: tuple[int | None, str], holder: Forked) -> None:
    code, output = ended
    assert code == 1, output
    (line,) = [line for line in output.splitlines() if line.startswith("triptych: ")]
    assert f"another `triptych` is writing there, process {holder.pid} on " in line
    assert "Traceback" not in output


def finish(process: Forked) -> None:
    process.send(signal.SIGCONT)
    code, output = process.end(120)
    assert code == 0, output


def ids_file(folder: Path, name: str, ids: list[str]) -> str:
    (folder / name).write_text("\n".join(ids))
    return str(folder / name)


def test_the_second_of_two_takedowns_is_refused_by_name(texts: Path, tmp_path: Path, contents: Any) -> None:
    first, second = sorted(documents(texts))[:2]
    wanted = Path(shutil.copytree(texts, tmp_path / "wanted"))
    take_down(str(wanted), [first])
    take_down(str(wanted), [second])
    mine, other = (ids_file(tmp_path, each, [each]) for each in (first, second))
    holder = stopped("pipelines.takedown.takedown", "rewrite", "takedown", str(texts), "--ids", mine)
    refused(run("takedown", str(texts), "--ids", other), holder)
    finish(holder)
    assert run("takedown", str(texts), "--ids", other)[0] == 0
    sound(texts)
    assert contents(texts) == contents(wanted)


def test_a_takedown_beside_a_prepare_is_refused_and_so_is_the_reverse(
    texts: Path, tmp_path: Path, text_tree: Any, contents: Any
) -> None:
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(text_tree(texts)))
    ids = ids_file(tmp_path, "ids", sorted(documents(texts))[:1])
    before = contents(texts)
    holder = stopped("pipelines.prepare", "clean", "prepare", str(tmp_path / "run.yaml"))
    refused(run("takedown", str(texts), "--ids", ids), holder)
    finish(holder)
    assert contents(texts) == before
    holder = stopped("pipelines.takedown.takedown", "rewrite", "takedown", str(texts), "--ids", ids)
    refused(run("prepare", str(tmp_path / "run.yaml")), holder)
    finish(holder)
    sound(texts)
    assert (tmp_path / "ids").read_text() not in documents(texts)


def test_a_takedown_beside_a_training_ends_it_with_a_checkpoint_or_leaves_it(texts: Path, tmp_path: Path) -> None:
    tree = {
        "out": str(tmp_path / "run"),
        "data": {"datasets": [{"path": str(texts), "weight": 1.0}], "batch_tokens": 1024, "cache": str(tmp_path / "c")},
        "model": {"depth": 1, "width": 64},
        "steps": 40_000,
        "checkpoint": {"every": 40_000},
        "validation": {"every": 40_000, "rows": 4},
        "log_every": 1,
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(tree))
    code = f"import triptych.train.data.shards as shards; shards.MAX_OPEN = 1; {COMMAND}"
    training = Forked(code, ["train", str(tmp_path / "train.yaml")], ENVIRONMENT)
    metrics = tmp_path / "run/metrics.jsonl"
    while training.running() and not (metrics.exists() and metrics.read_text().count("\n") > 2):
        time.sleep(0.05)
    chosen = sorted(documents(texts))[:2]
    done, output = run("takedown", str(texts), "--ids", ids_file(tmp_path, "ids", chosen))
    assert done == 0, output
    sound(texts)
    steps = metrics.read_text().count("\n")
    while training.running() and metrics.read_text().count("\n") < steps + 50:
        time.sleep(0.05)
    if training.running():  # it has mapped what it reads
        training.send(signal.SIGTERM)
    end, output = training.end(120)
    assert "Traceback" not in output
    assert end == 0 or "a checkpoint of step" in output
    (saved,) = (tmp_path / "run/checkpoints").iterdir()
    assert json.loads((saved / "state.json").read_bytes())["step"] > 2
