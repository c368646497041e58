"""Refuses a run, or a source, of which no row is left, and names what took the rows.

Otherwise a run could end well with an empty dataset because of one wrong column or filter.
"""

from collections.abc import Iterator, Sequence

from ..schemas.config.sources import Source
from ..schemas.dataset.ledger import Tally, main_reason, merge
from ..schemas.errors import Refusal
from ..schemas.storage.store import Store
from .engines.journal import Journal
from .engines.partition import read_header
from .filters.taken_down import STAGE as TAKEDOWN

EXAMPLES = 3


def require_rows_left(store: Store, sources: Sequence[Source], journal: Journal) -> None:
    """Check that something is left of every source, after the stages that the journal has.

    A source whose documents were taken down may be empty, as long as another is not.

    Args:
        store: Holds the dropped rows.
        sources: Sources of the run, without evaluation sets.
        journal: Ledger of the run so far.

    Raises:
        Refusal: The message has the reason that dropped most of the rows, with examples.
    """
    names = [source.name for source in sources]
    tallies = merge(journal.tallies)  # those of a source are in the order of its stages
    ledger = {name: [tally for tally in tallies if tally.source == name] for name in names}
    empty = [name for name in names if not ledger[name] or not ledger[name][-1].kept]
    wanted = [name for name in empty if not any(TAKEDOWN in tally.dropped for tally in ledger[name])]
    if len(empty) < len(names):
        empty = wanted
    if not empty:
        return
    of = "any source" if len(empty) == len(names) else ", ".join(empty)
    raise Refusal(
        f"nothing is left of {of}, so no dataset was written: "
        f"{'; '.join(_account(store, journal, name, ledger[name]) for name in empty)}. Correct the source, the columns "
        "or the filter that is the cause, or remove the source from the run file.",
        exit_code=1,
    )


def _account(store: Store, journal: Journal, name: str, tallies: Sequence[Tally]) -> str:
    """What became of the rows of an empty source."""
    rows = tallies[0].rows_in if tallies else 0
    if not rows:
        return f"{name} holds no row"
    stage, reason, count = main_reason(tallies)
    examples = "; ".join(_examples(store, journal, (stage, name, reason)))
    return f"{name} had {rows:,} rows, of which the stage {stage} dropped {count:,} as {reason} ({examples})"


def _examples(store: Store, journal: Journal, wanted: tuple[str, str, str]) -> Iterator[str]:
    """The first dropped rows of a (stage, source, reason), in the order of the partitions."""
    left = EXAMPLES
    for part in journal.dropped_in:
        for line in read_header(store, part).dropped.to_pylist():
            if left and (line["stage"], line["source"], line["reason"]) == wanted:
                left -= 1
                place = line["file"] if line["row"] < 0 else f"{line['file']}, row {line['row']}"
                yield f"{place}: {line['detail']}" if line["detail"] else place
        if not left:
            return
