"""Tables of a dataset's figures, cell by cell."""

from typing import Any

from rich.table import Table

from triptych.cli.tables import cluster_table, codebook_table, duplicates_table, hits_table, ledger_table, license_table
from triptych.schemas.dataset.ledger import Tally


def rows(table: Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.cells for column in table.columns), strict=True))


def test_the_ledger_names_a_source_once_and_each_reason() -> None:
    tallies = (
        Tally(stage="read", source="docs", rows_in=1200, kept=1198, dropped={"empty": 2}),
        Tally(stage="filter", source="docs", rows_in=1198, kept=1188, dropped={"long": 7, "short": 3}),
        Tally(stage="read", source="stamps", rows_in=5, kept=5),
    )
    assert rows(ledger_table(tallies)) == [
        ("docs", "read", "1,200", "1,198", "2 empty"),
        ("", "filter", "1,198", "1,188", "7 long, 3 short"),
        ("stamps", "read", "5", "5", ""),
    ]


def test_what_has_no_licence_is_said_to_have_none() -> None:
    lines = [("docs", "cc0", 1000, 20_000), ("docs", None, 1, 2)]
    facts = [dict(zip(("source", "license", "segments", "tokens"), line, strict=True)) for line in lines]
    assert rows(license_table({"licenses": facts})) == [("docs", "cc0", "1,000", "20,000"), ("docs", "none", "1", "2")]


def test_codes_are_counted_in_whole_numbers() -> None:
    use = {"size": 1024, "used": 1000, "dead": 24, "perplexity": 654.6}
    assert rows(codebook_table({"codebooks": {"image": use}})) == [("image", "1,024", "1,000", "24", "655")]


def test_duplicates_and_hits_are_summed_over_sources() -> None:
    report = {"kind": "text", "judged": "text", "rows": 100, "clusters": 3, "sizes": {2: 2, 5: 1}}
    report |= {"dropped": {"exact_duplicate": 4}, "within": {"a": 1, "b": 2}, "across": {"a": {"b": 1}, "b": {"a": 3}}}
    assert rows(duplicates_table({"dedup": [report]})) == [("text", "text", "100", "3", "5", "4", "0", "3", "4")]
    hits = {"name": "quiz", "rows": 1000, "hits": {"docs": {"text": 3}, "stamps": {"text": 1, "image": 2}}}
    cells = ("quiz", "1,000", "6", "docs: 3 by text, stamps: 1 by text, stamps: 2 by image")
    assert rows(hits_table({"decontamination": [hits]})) == [cells]


def test_a_cluster_is_cut_short_and_says_by_how_much() -> None:
    lines = [
        {
            "reason": "near_duplicate" if i else None,
            "source": "docs",
            "file": "a",
            "row": i,
            "size": 9,
            "excerpt": "a\n b",
        }
        for i in range(1005)
    ]
    shown = rows(cluster_table("", lines, most=2))
    assert [line[0] for line in shown] == ["kept", "near_duplicate", "… and 1,003 more"]
    assert shown[1] == ("near_duplicate", "docs", "a", "1", "9", "a b")
    assert len(rows(cluster_table("", lines[:2], most=2))) == 2
