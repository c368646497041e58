"""What a worker must have, found out before any work: inputs, `out`, the same versions, temporary space, memory.

One small task on each worker answers a question of the driver. Question and answer are plain dicts of strings and
numbers, so that another version of Triptych can still read and write them.
"""

import os
import tempfile
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from shutil import disk_usage
from typing import NamedTuple, TypedDict

from ...schemas.config.sources import Source
from ...schemas.errors import Refusal, brief
from ...schemas.secrets import without_secrets
from ...schemas.storage.file_system import file_system
from ...schemas.storage.store import WORK, Store
from ..sources.base import Unit
from .environment import differences, versions

FOLDER = f"{WORK}/workers"
SPACE = 1 << 30  # bytes of temporary space below which a worker is named: a tokenizer and an upload need some
MEMORY = 2 << 30  # bytes of memory below which a worker is named: libraries and models take more than half of it
NAMED = 3  # workers that a message names


class Question(TypedDict):
    """What the driver asks: the store, the content of the token's file, and inputs to look for."""

    out: str
    token: str
    inputs: list[str]


class Answer(TypedDict):
    """What a worker answers."""

    host: str
    versions: dict[str, str]
    unseen: list[str]  # inputs that it does not see
    out: str  # what is wrong with `out`; empty if nothing
    temporary: str  # folder of temporary files
    free: int  # bytes free there
    memory: int  # bytes that its process may use; 0 if there is no limit


class Reply(NamedTuple):
    """The answer of a worker, or the error that it raised in place of one."""

    worker: str  # its address
    host: str
    answer: Answer | None
    error: str = ""

    @property
    def name(self) -> str:
        """Host and address, for messages."""
        return f"{self.host} ({self.worker})" if self.worker else self.host


def answer(question: Question) -> Answer:
    """Answer the driver's question, on a worker."""
    temporary = tempfile.gettempdir()
    return {
        "host": os.uname().nodename,
        "versions": dict(versions()),
        "unseen": [url for url in question["inputs"] if not _visible(url)],
        "out": _problem_of_out(question),
        "temporary": temporary,
        "free": disk_usage(temporary).free,
        "memory": memory_limit(),
    }


def _visible(url: str) -> bool:
    with suppress(Exception):  # a store that refuses, or a library that is missing, is as good as nothing there
        fs, path = file_system(url.rpartition("::")[2])
        fs.invalidate_cache()
        return bool(fs.exists(path))
    return False


def _problem_of_out(question: Question) -> str:
    store, name = Store(question["out"]), f"{FOLDER}/{question['token']}"
    try:
        if store.read(name) != question["token"].encode():
            return "holds another file than the driver wrote"
    except Exception as error:
        return f"the file that the driver wrote there cannot be read ({brief(error, 120) or type(error).__name__})"
    try:
        mine = f"{name}-{uuid.uuid4().hex}"
        store.write(mine, b"")
        store.delete(mine)
    except Exception as error:
        return f"cannot be written ({brief(error, 120) or type(error).__name__})"
    return ""


def memory_limit() -> int:
    """Return the bytes of memory that this process may use, by Dask's limit or the control group's; 0 for no limit."""
    limits = []
    with suppress(Exception):
        from distributed import get_worker

        limits.append(int(get_worker().memory_manager.memory_limit or 0))
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            limits.append(int(Path(name).read_text()))
    return min((limit for limit in limits if 0 < limit < 1 << 60), default=0)


def asked(store: Store, items: Sequence[tuple[Source, Unit]]) -> Question:
    """Write the token's file and return the question; `items` are the units of all sources."""
    token = uuid.uuid4().hex
    store.write(f"{FOLDER}/{token}", token.encode())
    return {"out": store.url, "token": token, "inputs": [url for url in _some_of(items) if _visible(url)]}


def _some_of(items: Sequence[tuple[Source, Unit]]) -> Iterable[str]:
    """The first, the middle and the last file of each source: more would read a large store from every worker."""
    paths: dict[str, list[str]] = {}
    for source, unit in items:
        paths.setdefault(source.name, []).append(unit.path)
    return dict.fromkeys(urls[at] for urls in paths.values() for at in (0, len(urls) // 2, -1))


def forget(store: Store, question: Question) -> None:
    """Delete the token's file."""
    store.delete(f"{FOLDER}/{question['token']}")


def require_fit(replies: Sequence[Reply], question: Question) -> list[str]:
    """Judge the answers of all workers.

    Returns:
        What a worker has little of, in sentences for the user.

    Raises:
        Refusal: A worker cannot do the run's work; the message names its host, what differs, and what to do.
    """
    problems = [(reply.name, what, fix) for reply in replies for what, fix in [_problem(reply, question)] if what]
    if problems:
        name, what, fix = problems[0]
        others = [other for other, *_ in problems[1:]]
        more = f" {len(others)} more workers have a problem, such as on {', '.join(others[:NAMED])}." if others else ""
        raise Refusal(f"engine: the worker on {name} {what}. {fix}{more}")
    return [line for reply in replies if reply.answer for line in _little(reply.name, reply.answer)]


def _problem(reply: Reply, question: Question) -> tuple[str, str]:
    """What is wrong with a worker, and what to do; empty texts if nothing."""
    found = reply.answer
    if found is None:
        return f"cannot run Triptych's tasks ({reply.error})", SAME_VERSIONS
    if different := differences(found["versions"], versions()):
        return f"has {'; '.join(different[:6])} on this machine ({os.uname().nodename})", SAME_VERSIONS
    if found["unseen"]:
        return (
            f"does not see the input {found['unseen'][0].removeprefix('file://')}",
            "Inputs must have the same path on all machines: put them on a shared file system or an object store, and "
            "give the workers its credentials.",
        )
    if found["out"]:
        return (
            f"does not share `out` ({without_secrets(question['out'])}): {found['out']}",
            "`out` must be a folder of a shared file system, mounted at the same path on all machines, or an object "
            "store that the workers may write to.",
        )
    return "", ""


SAME_VERSIONS = (
    "The bytes of a dataset depend on these. Install the same versions on all machines, preferably one environment or "
    "container image, and start the workers again."
)


def _little(name: str, found: Answer) -> Iterable[str]:
    if found["free"] < SPACE:
        yield f"The worker on {name} has only {found['free'] / 1e6:,.0f} MB of temporary space in {found['temporary']}."
    if 0 < found["memory"] < MEMORY:
        yield f"The worker on {name} may use only {found['memory'] / 1e9:.1f} GB of memory: give it 4 GB or more."
