"""Progress of a preparation where there is no terminal, as in the log of a batch system: plain lines, each flushed.

A line when a step begins, one every half minute while it lasts, and one when it ends.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..pipelines.engines.journal import Journal, Step
from ..schemas.config.run import RunConfig
from ..schemas.secrets import shown, without_secrets
from ..schemas.visible import print_line
from ..train.plain_log import duration

PAUSE = 30.0  # seconds between two lines of a step


class PlainJournal(Journal):
    """A journal that prints lines on standard error."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        sources = ", ".join(source.name for source in config.sources)
        self._print(f"preparing {config.name} in {without_secrets(config.out)}, engine {config.engine.kind}: {sources}")

    def say(self, message: str) -> None:
        """Print a message."""
        super().say(message)
        self._print(shown(message))

    @contextmanager
    def step(self, label: str, total: int, reused: int) -> Iterator[Step]:
        """Print lines about a step; partitions that were committed before are counted apart."""
        if total == reused:
            self._print(f"{label}: {_partitions(total)}, all done before")
            with super().step(label, total, reused) as step:
                yield step
            return
        before = f", {reused:,} done before" if reused else ""
        self._print(f"{label}: {_partitions(total)}{before}")
        with super().step(label, total, reused) as step:
            last = time.monotonic()

            def advanced() -> None:
                nonlocal last
                if time.monotonic() - last >= PAUSE:
                    last = time.monotonic()
                    left = step.elapsed / step.done * (total - reused - step.done)
                    done = f"{reused + step.done:,} of {_partitions(total)}"
                    self._print(f"{label}: {done}{rates(step.rows, step.tokens, step.elapsed)}, {duration(left)} left")

            step.watch(advanced)
            yield step
        self._print(f"{label}: done in {duration(step.seconds)}{rates(step.rows, step.tokens, step.seconds)}")

    @staticmethod
    def _print(message: str) -> None:
        print_line(message, err=True)


def _partitions(count: int) -> str:
    return f"{count:,} partition{'s' * (count != 1)}"


def rates(rows: int, tokens: int, seconds: float) -> str:
    """Rows and tokens per second, as far as they were counted, each with a comma before it."""
    counted = ((rows, "rows"), (tokens, "tokens"))
    return "".join(f", {count / max(seconds, 1e-9):,.0f} {unit}/s" for count, unit in counted if count)
