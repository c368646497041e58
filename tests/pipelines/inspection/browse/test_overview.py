"""The figures of the first page: equal to the manifest's to the last digit."""

from collections import Counter

import pytest

from triptych.pipelines.inspection.browse.browsed import BrowsedDataset
from triptych.pipelines.inspection.browse.code_use import CodeUse, code_uses
from triptych.pipelines.inspection.browse.funnel import funnel
from triptych.pipelines.inspection.browse.overview import duration, overview, verdict


def test_totals_are_those_of_the_manifest(browsed: BrowsedDataset) -> None:
    facts, statistics = overview(browsed), browsed.manifest.statistics
    tokens: Counter[str] = Counter()
    for source in statistics.sources.values():
        tokens.update(source.tokens)
    assert facts.totals.rows == statistics.rows
    assert facts.totals.tokens == dict(tokens)
    assert facts.totals.pictures == 24
    assert facts.totals.hours * 3600 == pytest.approx(sum(0.3 + 0.05 * i for i in range(18)), abs=0.1)
    assert sum(share.share for share in facts.by_source) == pytest.approx(1)
    assert sum(share.documents for share in facts.by_kind) == facts.totals.documents == 120 + 24 + 18
    assert facts.sentence.startswith("stamps holds 162 documents from 3 sources: ")
    assert "24 images and 13.1 seconds of audio" in facts.sentence


def test_histograms_count_every_segment(browsed: BrowsedDataset) -> None:
    for shape in overview(browsed).lengths:
        source = browsed.manifest.statistics.sources[shape["source"]]
        assert sum(shape["counts"]) == source.segments
        assert shape["edges"][0] == min(source.lengths)
        assert shape["edges"][-1] == max(source.lengths) + 1


def test_packing_is_never_above_its_bound(browsed: BrowsedDataset) -> None:
    groups = overview(browsed).packing
    assert sum(group["rows"] for group in groups) == browsed.rows
    assert all(0 < group["fill"] <= group["bound"] <= 1 for group in groups)


def test_the_funnel_adds_up(browsed: BrowsedDataset) -> None:
    found = funnel(browsed.manifest)
    assert found.read == 120 + 24 + 18
    assert found.kept == found.steps[-1].remaining
    left = found.read
    for step in found.steps:
        left -= sum(step.dropped.values())
        assert step.remaining == left
        assert sum(step.by_source.values()) == sum(step.dropped.values())


def test_codes_are_counted_as_the_manifest_has_them(browsed: BrowsedDataset) -> None:
    uses = code_uses(browsed)
    assert uses.rows == uses.of == browsed.rows
    for book in uses.books:
        assert int((book.counts > 0).sum()) == browsed.manifest.codebooks[book.name].used
        assert len(book.strip) <= book.cells
        assert sum(use for use, _, _ in book.strip) > 0


def test_a_sample_of_codes_is_bounded(browsed: BrowsedDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from triptych.pipelines.inspection.browse import blocks

    monkeypatch.setattr(blocks, "BLOCK_ROWS", 2)
    uses = code_uses(browsed, tokens=4 * browsed.manifest.row_length)
    assert 0 < uses.rows <= 4 < uses.of
    assert [len(book.counts) for book in uses.books] == [400, 64, 32, 32, 32, 32]


@pytest.mark.parametrize(
    ("name", "size", "used", "perplexity", "word"),
    [
        ("image", 512, 512, 435.0, "good"),
        ("image", 512, 457, 200.0, "uneven"),
        ("image", 512, 457, 96.0, "poor"),
        ("audio0", 512, 100, 90.0, "poor"),
        ("text", 2000, 1990, 300.0, "good"),
        ("text", 2000, 1757, 672.0, "uneven"),
        ("text", 2000, 400, 300.0, "poor"),
        ("image", 512, 0, 0.0, "unused"),
    ],
)
def test_a_codebook_gets_a_word(name: str, size: int, used: int, perplexity: float, word: str) -> None:
    assert verdict(name, size, used, perplexity)[0] == word


def test_levels_of_the_heat_strip_are_around_even_use() -> None:
    assert [CodeUse.level(use) for use in (1e-9, 0.1, 1.0, 10.0, 1e9)] == [0, 2, 4, 6, 8]


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0.5, 90, 7200)] == ["0.5 seconds", "1.5 minutes", "2.0 hours"]
