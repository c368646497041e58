"""Figures of text against known answers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.train.evaluate.likelihood.judge import Judge
from triptych.train.evaluate.report.metric import Metric
from triptych.train.evaluate.report.missing import Missing
from triptych.train.evaluate.samples.text import distinct, equally_long, text_rows, unigram_entropy
from triptych.train.generate.generator import Generator


def texts(*lengths: int, seed: int = 0, size: int = 300) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    return [draw.integers(0, size, length) for length in lengths]


def test_entropy_of_uniform_tokens_is_the_log_of_their_number() -> None:
    assert unigram_entropy(np.tile(np.arange(32), 4)) == pytest.approx(math.log(32))
    assert unigram_entropy(np.full(50, 7)) == 0


def test_distinct_grams_are_counted_over_all_texts() -> None:
    one, other = np.array([1, 2, 1, 2]), np.array([1, 2, 3])
    assert distinct([one, other], 1) == 3 / 7
    assert distinct([one, other], 2) == 3 / 5  # 12 21 12 | 12 23
    assert distinct([one, other], 3) == 1
    assert math.isnan(distinct([one], 5))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_texts_are_compared_at_equal_lengths(mine: list[int], theirs: list[int]) -> None:
    made, real = equally_long(texts(*mine), texts(*theirs, seed=1))
    assert [len(one) for one in made] == [len(other) for other in real]
    assert len(made) == min(len(mine), len(theirs))
    whole = {one[: len(other)].tobytes() for one in texts(*mine) for other in made}
    assert all(one.tobytes() in whole for one in made)


def test_what_repeats_itself_shows_in_its_entropy(generators: dict[str, Generator]) -> None:
    judge = Judge(generators["autoregressive"].exported, "control")
    made, real = [np.full(40, 5), np.full(40, 6)], texts(40, 40, seed=2)
    found = {one.name: one for one in text_rows(made, real, judge)}
    names = list(found)
    assert names.index("unigram entropy") == names.index("generative perplexity") + 1
    perplexity, entropy = found["generative perplexity"], found["unigram entropy"]
    assert isinstance(perplexity, Metric)
    assert "unigram entropy 0.00 nats" in perplexity.note
    assert perplexity.note.startswith("judge: control")
    assert isinstance(entropy, Metric)
    assert entropy.value == 0
    assert entropy.floor == pytest.approx(np.mean([unigram_entropy(one) for one in real]))
    distinct = found["distinct 1-grams"]
    assert isinstance(distinct, Metric)
    assert distinct.value == 2 / 80


def test_without_a_judge_perplexity_is_missing_and_says_so() -> None:
    first, *rest = text_rows(texts(2, 2), texts(2, 2, seed=1), None)
    assert isinstance(first, Missing)
    assert "--control RUN" in first.why
    assert next(one.name for one in rest if isinstance(one, Missing)) == "distinct 3-grams"


def test_mauve_is_1_of_the_real_texts_and_less_of_one_word(generators: dict[str, Generator]) -> None:
    judge = Judge(generators["autoregressive"].exported, "control")
    real = texts(*[6] * 100, seed=1)
    rows = {name: list(text_rows(made, real, judge))[-1] for name, made in (("same", real), ("one", [real[0]] * 100))}
    assert all(isinstance(row, Metric) and row.name == "MAUVE" for row in rows.values())
    same, one = (row.value for row in rows.values() if isinstance(row, Metric))
    assert same == pytest.approx(1)
    assert one < 0.9


def test_a_judges_nats_are_those_of_the_model_token_by_token(generators: dict[str, Generator]) -> None:
    generator = generators["autoregressive"]
    judge = Judge(generator.exported, "control")
    mine = texts(7, 3, 12)
    together = judge.nats(mine)
    assert together == pytest.approx(np.concatenate([judge.nats([one]) for one in mine]), rel=1e-4)
    # a token more costs what the model says of it alone
    assert (judge.nats([one[:2] for one in mine]) < together).all()
    assert judge.states(mine).shape == (3, generator.model.shape.width)
