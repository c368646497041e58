"""`triptych watch`: follow a training or a preparation on one screen of a terminal, or as lines of a log."""

import json
import time
from typing import TYPE_CHECKING, Protocol

import click

from ..schemas.command_line import example

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..schemas.console import VisibleConsole

EVERY = 2.0  # seconds between two looks at the files


class Watched(Protocol):
    """What is followed: it is looked at again and again, and then shown."""

    def look(self) -> bool:
        """Read the files again; returns whether it has ended."""
        ...

    def facts(self) -> dict[str, object]:
        """Everything that is known, for JSON."""
        ...

    def screen(self, console: "VisibleConsole") -> "RenderableType":
        """What fits one screen of a terminal."""
        ...

    def news(self) -> list[str]:
        """Lines on what is new since the last call."""
        ...


@click.command(epilog=example("triptych watch runs/first"))
@click.argument("path")
@click.option("--json", "as_json", is_flag=True, help="Print the present state as JSON, and end.")
def watch(path: str, as_json: bool) -> None:
    """Follow a training or a preparation until it ends.

    PATH is the folder of a run, or the `out` of a run file, also at a URL. Only the
    files that they write are read. Where there is no terminal, a line is printed
    whenever something is new. Ctrl-C ends the command, not what it follows.
    """
    from ..schemas.console import console

    watched = _watched(path)
    if as_json:
        watched.look()
        click.echo(json.dumps(watched.facts()))
        return
    screen = console()
    if screen.is_terminal:
        _on_screen(watched, screen)
    else:
        _as_lines(watched)


def _watched(path: str) -> Watched:
    from ..pipelines.engines.progress_file import RunProgress
    from .browse.items import Item, kind_of

    item = Item(0, path.rstrip("/") or path, kind_of(path))
    if item.kind == "run":
        from .watch_training import WatchedTraining

        return WatchedTraining(item)
    from ..schemas.errors import Refusal
    from ..schemas.storage.store import Store
    from .watch_preparation import WatchedPreparation

    store = Store(item.path)
    if item.kind == "dataset" and RunProgress.read(store) is None:
        raise Refusal(f"{item.where}: is a finished dataset. Run: triptych stats {item.where}")
    return WatchedPreparation(item.where, store)


def _on_screen(watched: Watched, screen: "VisibleConsole") -> None:
    from rich.live import Live

    ended = watched.look()
    with Live(watched.screen(screen), console=screen, auto_refresh=False, vertical_overflow="visible") as live:
        while not ended:
            time.sleep(EVERY)
            ended = watched.look()
            live.update(watched.screen(screen), refresh=True)


def _as_lines(watched: Watched) -> None:
    from ..schemas.visible import print_line

    while True:
        ended = watched.look()
        for line in watched.news():
            print_line(line)
        if ended:
            return
        time.sleep(EVERY)
