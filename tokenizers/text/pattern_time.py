"""Finds regular expressions of a tokenizer.json that take for ever, by a trial in a process of its own.

Expressions such as `(a+)+$` take a time that doubles with each character. They run in a library that cannot be
interrupted, so a tokenizer with expressions first encodes a few thousand characters of each sort in a process that can
be ended. The result is kept for the process, by the content of the file.
"""

import subprocess
import sys
from functools import lru_cache

from ...schemas.errors import Refusal

SECONDS = 10  # of processor time; the tokenizers of large models take less than 0.1
WALL_SECONDS = 25
MEMORY = 4 << 30  # bytes of address space
TRIAL = r"""
import resource, sys
seconds, memory = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from tokenizers import Tokenizer
data = sys.stdin.buffer.read()
model = Tokenizer.from_buffer(data)
model.no_truncation()
model.no_padding()
words = "It was 7 o'clock in the morning; she'd read 1,234 pages, and he hadn't (not one). "
patterns = "".join(part[:500] for part in data.decode(errors="replace").split('"Regex"')[1:])
letters = sorted(set(patterns) | set("a1 _-."))[:100]
model.encode(words * 50, add_special_tokens=False)
for letter in letters:
    for length in (12, 16, 20, 24, 28, 2000):
        model.encode((letter * length + "\0") * max(1, 200 // length), add_special_tokens=False)
"""


def require_patterns_end(data: bytes, path: str) -> None:
    """Check the regular expressions of a tokenizer.json; a file without any is not tried.

    Raises:
        Refusal: One of them takes for ever, or the file fills the memory.
    """
    if b'"Regex"' in data:
        problem = _trial(data)
        if problem is not None:
            raise endless_pattern(path, problem)


def endless_pattern(path: str, problem: str) -> Refusal:
    """Return the refusal of a tokenizer whose regular expression takes for ever."""
    return Refusal(
        f"text tokenizer `{path}`: a regular expression of the file takes for ever on some texts "
        f"({' '.join(problem.split())[:200]}). Give another tokenizer, or one from where it was published."
    )


@lru_cache(maxsize=8)
def _trial(data: bytes) -> str | None:
    """Encode in another process; returns what went wrong, None if nothing did or if the file cannot be loaded."""
    command = [sys.executable, "-c", TRIAL, str(SECONDS), str(MEMORY)]
    try:
        done = subprocess.run(  # noqa: S603
            command, input=data, capture_output=True, timeout=WALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"more than {WALL_SECONDS} s"
    if done.returncode < 0:
        return f"more than {SECONDS} s, or {MEMORY >> 30} GiB"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    last = lines[-1] if lines else ""
    return last if "PanicException" in last or "MemoryError" in last else None
