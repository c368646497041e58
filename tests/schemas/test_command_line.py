"""Errors of a command become one paragraph and an exit code, in one process and under torchrun."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from triptych.schemas.command_line import run_command
from triptych.schemas.errors import Refusal


def fail(error: BaseException) -> click.Command:
    def callback() -> None:
        raise error

    return click.Command("fail", callback=callback)


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[object, str]]:
    def run(error: BaseException, rank: str | None = None) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["fail"])
        monkeypatch.delenv("RANK", raising=False)
        if rank is not None:
            monkeypatch.setenv("RANK", rank)
        with pytest.raises(SystemExit) as stop:
            run_command(fail(error))
        return stop.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (Refusal("a: no b. Give c."), 2, "a: no b. Give c."),
        (Refusal("a differs. Prepare again.", exit_code=1), 1, "a differs"),
        (click.UsageError("unknown option"), 2, "unknown option"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.Abort(), 130, "interrupted"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 1, "PermissionError: [Errno 13]"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "is full"),
    ],
)
def test_an_error_is_one_paragraph(
    outcome: Callable[..., tuple[object, str]], error: BaseException, code: int, words: str
) -> None:
    found, message = outcome(error)
    assert found == code
    assert words in message
    assert "Traceback" not in message
    assert "\n" not in message.strip() or isinstance(error, click.UsageError)
    assert outcome(error, rank="0") == (code, message)


@pytest.mark.parametrize("error", [Refusal("a: no b."), click.UsageError("unknown"), KeyboardInterrupt()])
def test_one_process_prints_for_all(outcome: Callable[..., tuple[object, str]], error: BaseException) -> None:
    assert outcome(error, rank="1")[1].strip() == ""  # click ends the line after ^C


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC])
def test_an_error_of_one_machine_is_printed_by_its_process(
    outcome: Callable[..., tuple[object, str]], number: int
) -> None:
    code, message = outcome(OSError(number, "on this machine"), rank="3")
    assert code == 1
    assert message.startswith("triptych: rank 3: ")


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["fail"])
    with pytest.raises(ZeroDivisionError):
        run_command(fail(ZeroDivisionError()))


TRAIN_FILE = "out: run\ndata: {datasets: [{path: none, weight: 1}], batch_tokens: 512}\nmodel: {depth: 1}\nsteps: 1\n"


@pytest.mark.parametrize("rank", ["0", "1"])
def test_training_without_a_dataset_ends_in_one_paragraph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: str
) -> None:
    (tmp_path / "train.yaml").write_text(TRAIN_FILE)
    monkeypatch.setenv("RANK", rank)
    command = [sys.executable, "-m", "triptych.train", "train.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert [line.startswith("triptych: none: no such file or folder") for line in lines] == [True] * (rank == "0")


COMMANDS = {
    "lines": "[click.echo('x' * 60) for _ in range(9)]",
    "one long line": "click.echo('x' * 1_000_000)",
    "a table": "from triptych.schemas.console import console; console().print('x' * 60)",
    "nothing flushed": "print('x')",
}
RUN = """import click
from triptych.schemas.command_line import run_command
def f():
    {}
run_command(click.Command("c", callback=f))
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_standard_output_is_named_and_a_closed_one_ends_silently(name: str) -> None:
    line = [sys.executable, "-c", RUN.format(COMMANDS[name])]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("triptych: standard output: cannot be written (No space left on device)")
    assert done.stderr.count("\n") == 1
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(line, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("where", ["/dev/full", "closed"])
def test_a_standard_error_that_fails_ends_no_work(where: str) -> None:
    line = [
        sys.executable,
        "-c",
        RUN.format("[click.echo('x' * 9000, err=True) for _ in range(9)]; click.echo('done')"),
    ]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed, Path("/dev/full").open("w") as full:
        error = closed if where == "closed" else full
        done = subprocess.run(line, stdout=subprocess.PIPE, stderr=error, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_closed_streams_end_no_work(tmp_path: Path) -> None:
    line = f"[click.echo('x', err=err) for err in (True, False)]; open({str(tmp_path / 'done')!r}, 'w').close()"
    code = RUN.format(line)
    done = subprocess.run(["bash", "-c", '"$0" -c "$1" >&- 2>&-', sys.executable, code], check=False)
    assert done.returncode == 0
    assert (tmp_path / "done").exists()
