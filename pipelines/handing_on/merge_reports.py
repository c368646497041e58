"""Adds up what manifests record: the ledger, the reports on duplicates and on evaluation sets."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from ...schemas.dataset.decontamination import BenchmarkReport
from ...schemas.dataset.duplicates import DuplicateReport
from ...schemas.dataset.ledger import Tally, merge
from ..filters.taken_down import STAGE
from ..publish import ORDER

Key = TypeVar("Key", bound=Hashable)
LATER = len(ORDER)  # place of a takedown from the finished dataset, after all stages of its preparation


def merge_ledgers(ledgers: Sequence[Sequence[Tally]]) -> list[Tally]:
    """Add up ledgers by source and stage.

    A stage that only some of the datasets with a source had keeps all rows of the others, so that each stage still
    takes in what the stage before it kept.
    """
    sources = list(dict.fromkeys(tally.source for ledger in ledgers for tally in ledger))
    merged: list[Tally] = []
    for source in sources:
        parts = [_by_place([tally for tally in ledger if tally.source == source]) for ledger in ledgers]
        parts = [part for part in parts if part]
        for place in sorted({place for part in parts for place in part}):
            stage = STAGE if place == LATER else ORDER[place]
            merged += merge(part.get(place) or _unchanged(part, place, stage, source) for part in parts)
    return merged


def _by_place(tallies: Sequence[Tally]) -> dict[int, Tally]:
    places: dict[int, Tally] = {}
    for tally in tallies:
        late = tally.stage == STAGE and any(place > ORDER.index(STAGE) for place in places)
        places[LATER if late else ORDER.index(tally.stage)] = tally
    return places


def _unchanged(part: dict[int, Tally], place: int, stage: str, source: str) -> Tally:
    before = [each for each in sorted(part) if each < place]
    first = part[min(part)]
    rows, tokens = (part[before[-1]].kept, part[before[-1]].tokens_kept) if before else (first.rows_in, 0)
    return Tally(stage=stage, source=source, rows_in=rows, kept=rows, tokens_in=tokens, tokens_kept=tokens)


def merge_duplicates(
    reports: Sequence[Sequence[DuplicateReport]], offsets: Sequence[int]
) -> tuple[DuplicateReport, ...]:
    """Add up reports on the same kind and modalities.

    Args:
        reports: Reports of each dataset.
        offsets: What is added to the numbers of the clusters of each dataset.
    """
    groups: dict[tuple[str, str], list[DuplicateReport]] = {}
    for mine, offset in zip(reports, offsets, strict=True):
        for report in mine:
            largest = tuple(each.model_copy(update={"cluster": each.cluster + offset}) for each in report.largest)
            renumbered = report.model_copy(update={"largest": largest})
            groups.setdefault((report.kind, report.judged), []).append(renumbered)
    return tuple(_duplicates(group) for group in groups.values())


def _duplicates(group: list[DuplicateReport]) -> DuplicateReport:
    near = [
        method for index, report in enumerate(group) for method in report.near if method not in _near(group[:index])
    ]
    largest = sorted((each for report in group for each in report.largest), key=lambda each: -each.rows)
    return group[0].model_copy(
        update={
            "rows": sum(report.rows for report in group),
            "near": tuple(near),
            "sizes": dict(sorted(_sum(report.sizes for report in group).items())),
            "dropped": dict(sorted(_sum(report.dropped for report in group).items())),
            "within": dict(sorted(_sum(report.within for report in group).items())),
            "across": _sums([report.across for report in group]),
            "largest": tuple(largest[: max(len(report.largest) for report in group)]),
        }
    )


def _near(reports: Sequence[DuplicateReport]) -> list[dict[str, object]]:
    return [method for report in reports for method in report.near]


def merge_benchmarks(reports: Iterable[BenchmarkReport]) -> tuple[BenchmarkReport, ...]:
    """Add up reports on evaluation sets with the same name and number of rows."""
    groups: dict[tuple[str, int], list[BenchmarkReport]] = {}
    for report in reports:
        groups.setdefault((report.name, report.rows), []).append(report)
    return tuple(
        group[0].model_copy(
            update={
                "hits": _sums([report.hits for report in group]),
                "examples": tuple(each for report in group for each in report.examples)[
                    : max(len(report.examples) for report in group)
                ],
            }
        )
        for group in groups.values()
    )


def _sum(counts: Iterable[Mapping[Key, int]]) -> Counter[Key]:
    total: Counter[Key] = Counter()
    for each in counts:
        total.update(each)
    return total


def _sums(tables: Sequence[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    names = sorted({name for table in tables for name in table})
    return {name: dict(sorted(_sum(table.get(name, {}) for table in tables).items())) for name in names}
