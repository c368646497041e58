"""What went wrong with the files of a checkpoint, in one line instead of the traceback that torch gives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch.distributed.checkpoint.api import CheckpointException

from ...schemas.errors import Refusal, brief
from ...schemas.storage.full_disk import failed_write

FAILURES = (Exception, CheckpointException)  # the second is no Exception


def result_or_problem(folder: Path, action: Callable[[], Any]) -> Any:
    """Result of an action that writes to a folder, or why it failed, as a text."""
    try:
        return action()
    except FAILURES as error:
        cause = cause_of(error)
        refusal = cause if isinstance(cause, Refusal) else failed_write(cause, folder)
        return str(refusal) if refusal else brief(f"{type(cause).__name__}: {cause}")


def cause_of(error: BaseException) -> BaseException:
    """What went wrong in the first process in which something did; torch's own message is a traceback."""
    failures = error.failures if isinstance(error, CheckpointException) else {}
    return next((each for each, _ in failures.values()), error)
