"""Run a click command: every expected error becomes one paragraph on standard error and an exit code."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn, TextIO

import click

from .errors import Refusal, abbreviated
from .secrets import shown
from .storage.full_disk import refusing_full_disk
from .visible import guard_output, print_line

# their errors come from a store or the network
STORE_CLIENTS = {
    "aiohttp",
    "azure",
    "botocore",
    "gcsfs",
    "google",
    "httpcore",
    "httpx",
    "httpx2",
    "huggingface_hub",
    "paramiko",
    "requests",
    "urllib3",
}

PIPE_CLOSED = 141  # what a shell reports of a program that SIGPIPE ended
SEED = click.IntRange(0, (1 << 63) - 1)  # what torch and NumPy both take


def example(command: str) -> str:
    """Epilog of a command's help that shows one example; the line may have at most 76 characters."""
    return f"\b\nExample:\n  {command}"


def run_command(command: click.Command) -> None:
    """Run `command` with the arguments of this process.

    The exit code is 0 if it succeeded, 1 if it failed, 2 if it was used wrongly, and 130 if it was interrupted. With
    several processes, as torchrun starts them, process 0 prints for all of them; an error of a disk or a network may
    concern one machine only, so every process prints its own.
    """
    # waiting OpenMP threads spin by default, which multiplies the processor time of training on a busy machine
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    guard_output()
    output = sys.stdout
    try:
        with refusing_full_disk(), _refusing_full_output(output):
            command(standalone_mode=False)
            output.flush()  # what fails later, when the interpreter ends, has no message
    except SystemExit:  # with 1 by click and rich, when the reader of the output is gone
        _end_if_closed(output)
        raise
    except Refusal as refusal:
        _exit(str(refusal), refusal.exit_code, local=refusal.__cause__ is not None)
    except click.ClickException as error:
        if rank() == 0:
            output = io.StringIO()
            error.show(file=output)
            print_line(shown(output.getvalue().rstrip("\n")), err=True, lines=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _exit("interrupted. Run the same command again to continue.", 130)
    except Exception as error:
        _end_if_closed(output)
        _end_by_error(error)


def _end_by_error(error: BaseException) -> NoReturn:
    # disks, networks and permissions fail without a bug; every other error is a bug and keeps its traceback
    if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] not in STORE_CLIENTS:
        raise error
    reason = abbreviated(shown(" ".join(f"{type(error).__name__}: {error}".split())))
    _exit(f"{reason}. Committed work is intact. Fix the cause, then run the same command again.", 1, local=True)


def _end_if_closed(output: TextIO) -> None:
    if isinstance(getattr(output, "problem", None), BrokenPipeError):  # as of `| head`
        discard_output()
        sys.exit(PIPE_CLOSED)


@contextmanager
def _refusing_full_output(output: TextIO) -> Iterator[None]:
    """Raise Refusal where standard output, not a disk that a run writes to, is full or fails otherwise."""
    try:
        yield
    except Exception as error:
        problem = getattr(output, "problem", None)
        if problem is None or isinstance(problem, BrokenPipeError):
            raise
        discard_output()
        raise Refusal(
            f"standard output: cannot be written ({problem.strerror}), so it is not complete. Send it "
            "elsewhere, and run the same command again.",
            exit_code=1,
        ) from error


def rank() -> int:
    """Number of this process among those of torchrun; 0 where there is only one."""
    return int(os.environ.get("RANK", 0))


def discard_output() -> None:
    """Send what this process still prints nowhere, since the reader of its standard output is gone."""
    with suppress(OSError, ValueError, AttributeError):  # a stream that is no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _exit(message: str, code: int, *, local: bool = False) -> NoReturn:
    """Exit with `code`; `local` errors concern this process and are printed by every rank."""
    if rank():
        message = f"rank {rank()}: {message}"
    if local or rank() == 0:
        print_line(f"triptych: {shown(message)}", err=True)
    sys.exit(code)
