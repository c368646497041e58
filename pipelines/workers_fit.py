"""Checks, before any work, that the workers of a cluster can do it."""

from collections.abc import Sequence

from ..schemas.config.sources import Source
from .engines.base import Engine
from .engines.worker_check import asked, forget, require_fit
from .sources.base import Unit


def check_workers(engine: Engine, items: Sequence[tuple[Source, Unit]]) -> None:
    """Ask each worker what it sees and has.

    Args:
        engine: The engine; nothing is asked if everything runs on this machine.
        items: The units of all sources.

    Raises:
        Refusal: A worker cannot see the inputs or `out`, or has other versions of libraries.
    """
    if engine.on_this_machine:
        return
    question = asked(engine.store, items)
    try:
        replies = engine.ask(question)
    finally:
        forget(engine.store, question)
    for line in require_fit(replies, question):
        engine.journal.say(line)
