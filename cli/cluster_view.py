"""The workers of a cluster below the progress bars of a preparation, or in lines where there is no terminal."""

import time
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.progress import Progress
from rich.table import Table

from ..pipelines.engines.worker_board import WorkerBoard, WorkerLine
from ..schemas.console import text
from ..schemas.secrets import shown

MOST_NOTED = 5  # workers with a problem that have a line
FEW = 8  # workers that are listed on a screen whose height is not known to be larger
PAUSE = 60.0  # seconds between two lines where there is no terminal


class ClusterProgress(Progress):
    """Progress bars, and below them the workers once there is a board."""

    board: WorkerBoard | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return the bars, then one line on all workers, a table of some, and what failed last."""
        yield from super().get_renderables()
        if self.board is not None:
            yield from cluster_screen(self.board, self.console, bars=len(self.tasks))


def cluster_screen(board: WorkerBoard, console: Console, bars: int) -> Iterable[RenderableType]:
    """Return what one screen shows of a cluster, in no more lines than the console has beside `bars`.

    Workers with a problem come first, each in a line of its own, then as many others as there is room for, and what
    failed last.
    """
    lines, events = board.lines(), board.events()
    noted = [line for line in lines if line.note]
    others = lines[len(noted) :]
    room = (console.height if console.is_terminal else FEW + bars + 6) - bars - len(events) - 5
    yield _line(board.summary())
    for line in noted[:MOST_NOTED]:
        yield _line(f"! {line.host}:{line.address.rpartition(':')[2]} {line.note}, runs {line.runs or 'nothing'}")
    room = max(0, room - min(len(noted), MOST_NOTED))
    if others and room:
        yield _table(others[:room], console.width)
    hidden = max(0, len(noted) - MOST_NOTED) + max(0, len(others) - room)
    if hidden:
        yield _line(f"… and {hidden:,} more workers")
    for event in events:
        yield _line(shown(event))


def _line(string: str) -> RenderableType:
    line = text(string)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _table(lines: list[WorkerLine], width: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, width=min(width, 100))
    table.add_column("host", no_wrap=True, overflow="ellipsis", ratio=3)
    table.add_column("port", no_wrap=True)
    table.add_column("runs", no_wrap=True, overflow="ellipsis", ratio=2)
    table.add_column("for", justify="right", no_wrap=True)
    table.add_column("tasks/min", justify="right", no_wrap=True)
    table.add_column("memory", justify="right", no_wrap=True)
    for line in lines:
        table.add_row(
            line.host,
            line.address.rpartition(":")[2],
            line.runs or "waits",
            f"{line.seconds:.0f} s" if line.runs else "",
            f"{line.per_minute:.1f}",
            f"{line.memory / 1e9:.1f} GB",
        )
    return table


class PlainLines:
    """Says every minute how a cluster does, for output that is no terminal."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def due(self, board: WorkerBoard, bars: Iterable[str]) -> list[str]:
        """Return the lines to print now; none within a minute of the last ones."""
        if time.monotonic() - self._last < PAUSE:
            return []
        self._last = time.monotonic()
        noted = [f"{line.host} ({line.address}): {line.note}" for line in board.lines() if line.note][:FEW]
        return [f"{board.summary()}. {', '.join(bars)}", *noted, *board.events(1)]
