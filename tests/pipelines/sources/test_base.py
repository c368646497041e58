"""The detail of a dropped row is short and can be written to the ledger, whatever it quotes."""

from triptych.pipelines.sources.base import Drop


def test_a_detail_is_cut_to_300_characters() -> None:
    assert Drop(1, "why", "é" * 299).detail == "é" * 299
    assert Drop(1, "why", "é" * 300 + "x").detail == "é" * 300


def test_what_is_no_unicode_becomes_escapes() -> None:
    detail = Drop(0, "why", "a\udcffb\ud800").detail
    assert detail == "a\\udcffb\\ud800"
    assert detail.encode().decode() == detail


def test_the_escapes_may_make_a_detail_longer_but_only_six_times() -> None:
    assert Drop(0, "why", "\udcff" * 1000).detail == "\\udcff" * 300
