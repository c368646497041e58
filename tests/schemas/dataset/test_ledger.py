import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.schemas.dataset.ledger import Tally, check_ledger, merge
from triptych.schemas.errors import Refusal


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    reasons = st.dictionaries(st.sampled_from(["bad", "worse"]), st.integers(1, 9))
    dropped, tokens_dropped = draw(reasons), draw(reasons)
    kept, tokens_kept = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    return Tally(
        stage=draw(st.sampled_from(["read", "pack"])),
        source=draw(st.sampled_from(["a", "b"])),
        rows_in=kept + sum(dropped.values()),
        kept=kept,
        dropped=dropped,
        tokens_in=tokens_kept + sum(tokens_dropped.values()),
        tokens_kept=tokens_kept,
        tokens_dropped=tokens_dropped,
    )


def _sorted(merged: list[Tally]) -> list[Tally]:
    return sorted(merged, key=lambda tally: (tally.stage, tally.source))


@given(st.lists(tallies(), max_size=8), st.randoms(use_true_random=False))
def test_merging_knows_no_order_and_keeps_the_balance(parts: list[Tally], draw: random.Random) -> None:
    merged = merge(parts)
    shuffled = parts.copy()
    draw.shuffle(shuffled)
    assert _sorted(merge(shuffled)) == _sorted(merged)
    cut = len(parts) // 2
    assert _sorted(merge([*merge(parts[:cut]), *merge(parts[cut:])])) == _sorted(merged)
    assert sum(tally.rows_in for tally in merged) == sum(tally.rows_in for tally in parts)
    for tally in merged:
        tally.check()


def _chain(*kept: int, source: str = "s") -> list[Tally]:
    pairs = itertools.pairwise(kept)
    return [
        Tally(stage=f"stage{i}", source=source, rows_in=given, kept=left, dropped={"why": given - left})
        for i, (given, left) in enumerate(pairs)
    ]


def test_a_ledger_that_balances_passes_with_sources_interleaved() -> None:
    one, two = _chain(9, 7, 7, 0), _chain(5, 5, 1, source="t")
    check_ledger([tally for pair in zip(one, [*two, _chain(1, 1, source="t")[0]], strict=True) for tally in pair])


@pytest.mark.parametrize(
    ("tally", "words"),
    [
        (Tally(stage="read", source="s", rows_in=3, kept=2), ("stage read", "source s", "3 rows in", "2 kept")),
        (Tally(stage="read", source="s", rows_in=1, kept=2), ("1 rows in", "2 kept")),
        (
            Tally(stage="pack", source="s", tokens_in=9, tokens_kept=4, tokens_dropped={"x": 4}),
            ("9 tokens in", "4 dropped"),
        ),
    ],
)
def test_what_is_neither_kept_nor_dropped_is_named(tally: Tally, words: tuple[str, ...]) -> None:
    with pytest.raises(Refusal) as caught:
        check_ledger([tally])
    assert all(word in str(caught.value) for word in words)
    assert caught.value.exit_code == 1


def test_rows_lost_between_stages_are_named() -> None:
    broken = [*_chain(9, 7), *_chain(6, 6)]
    with pytest.raises(Refusal, match=r"source s: the stage before stage0 kept 7 rows, but stage0 took in 6"):
        check_ledger(broken)


def test_tokens_lost_between_stages_are_named() -> None:
    text = Tally(stage="text", source="s", rows_in=2, kept=2, tokens_in=9, tokens_kept=9)
    pack = Tally(stage="pack", source="s", rows_in=2, kept=2, tokens_in=8, tokens_kept=8)
    with pytest.raises(Refusal, match=r"source s: the stage before pack kept 9 tokens, but pack took in 8"):
        check_ledger([text, pack])
    check_ledger([text.model_copy(update={"tokens_in": 0, "tokens_kept": 0}), pack])
