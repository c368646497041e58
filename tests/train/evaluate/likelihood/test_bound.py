"""Against a source whose likelihoods are known: every order is exact, and the bound is, or is within its error."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from triptych.model.network.inputs import Inputs
from triptych.model.network.slices import Slices
from triptych.model.sampling.canvas import Canvas, canvas_of
from triptych.schemas.config.model import Task
from triptych.schemas.dataset.layout import sample_table
from triptych.schemas.vocabulary import Kind, Modality, Special
from triptych.train.evaluate.likelihood.bound import _stratified_masks, bound, chain_rule
from triptych.train.evaluate.likelihood.reader import ModelReader, TokenScores, chunks

from ....model.markov import STATES, VOCABULARY, Markov, Oracle

SOURCE = Markov()
LENGTHS = [1, 2, 3, 5, 9, 14, 14, 14]
GIVEN = [0, 1, 0, 2, 4, 0, 12, 13]  # of these the first so many are shown


def reader(causal: bool = False, blur: float = 0.0) -> ModelReader:
    """The best predictor there is, or one that is wrong by a noise of its own, the more the more is masked."""

    def predict(inputs: Inputs) -> TokenScores:
        nats, _ = Oracle(SOURCE)(inputs)
        segment_T = inputs.segment_BL[0]
        masked_S = torch.bincount(segment_T[inputs.tokens_BL[0] == Special.MASK], minlength=int(segment_T.max()) + 1)
        wrong = blur * masked_S[segment_T][inputs.query_N] * torch.sin(1e3 * nats)
        return TokenScores(nats + wrong, nats < np.log(2))

    return ModelReader(predict, Slices.of(VOCABULARY), causal)


def questions(keys: list[int] | None = None, seed: int = 0) -> tuple[Canvas, torch.Tensor]:
    """Texts of the source with their ends open, and the nats of what is open."""
    draw = np.random.default_rng(seed)
    codes = [SOURCE.sample(draw, Kind.TEXT, {Modality.TEXT: length}).text or [] for length in LENGTHS]
    table = sample_table([Kind.TEXT] * len(codes), {Modality.TEXT: codes}, {"text": 8, "image": 8, "audio": 8})
    canvas = canvas_of(table, VOCABULARY, [Task.TEXT] * len(codes), keys)
    given_T = torch.tensor(GIVEN)[canvas.index_T]
    open_T = canvas.target_T & (canvas.tokens_T != Special.EOS) & (canvas.position_T > given_T)

    def nats(rows: list[list[int]]) -> torch.Tensor:
        padded = [row + [-1] * (max(LENGTHS) - len(row)) for row in rows]
        return -SOURCE.log_likelihood(torch.tensor(padded))

    shown = [row[:given] for row, given in zip(codes, GIVEN, strict=True)]
    return replace(canvas, target_T=open_T), nats(codes) - nats(shown)


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_the_chain_rule_is_exact_in_any_order(seed: int | None) -> None:
    canvas, truth = questions()
    done = chain_rule(reader(), canvas, seed)
    assert done.nats_S.tolist() == pytest.approx(truth.tolist(), abs=1e-4)
    assert done.passes == sum(LENGTHS) - sum(GIVEN)


def test_an_autoregressive_model_needs_one_pass() -> None:
    canvas, truth = questions()
    for done in (chain_rule(reader(causal=True), canvas), bound(reader(causal=True), canvas)):
        assert done.nats_S.tolist() == pytest.approx(truth.tolist(), abs=1e-4)
        assert done.passes == len(LENGTHS)
        assert not done.error_S.any()


@pytest.mark.parametrize("passes", [4, 16, 64])
def test_the_bound_is_exact_where_all_masks_are_asked_and_else_within_its_error(passes: int) -> None:
    canvas, truth = questions()
    n_S = torch.tensor(LENGTHS) - torch.tensor(GIVEN)
    every_S = 2**n_S - 1 <= passes
    off, error = [], []
    for seed in range(30):
        done = bound(reader(), canvas, passes, seed)
        assert done.nats_S[every_S].tolist() == pytest.approx(truth[every_S].tolist(), abs=1e-4)
        assert not done.error_S[every_S].any()
        off.append((done.nats_S - truth)[~every_S])
        error.append(done.error_S[~every_S])
        assert done.passes == int(torch.where(every_S, 2**n_S - 1, passes).sum())
    off_RS, error_RS = torch.stack(off), torch.stack(error)
    spread_S = off_RS.square().mean(0).sqrt()
    assert (off_RS.mean(0).abs() < 4 * spread_S / 30**0.5).all()
    assert (spread_S < 1.3 * error_RS.square().mean(0).sqrt()).all()
    assert (spread_S > 0.3 * error_RS.square().mean(0).sqrt()).all()


@pytest.mark.parametrize("seed", range(4))
def test_masks_are_dealt_so_that_all_places_take_turns(seed: int) -> None:
    """No place is oftener by more than one among the masks that are drawn; the others are their complements."""
    pairs = 8
    canvas, _ = questions(seed=seed)
    for mine, copy, _ in chunks(canvas, torch.full((2 * pairs,), LENGTHS.index(14))):
        number_P = torch.arange(2 * pairs)
        masks = _stratified_masks(copy, number_P, pairs, seed)
        open_PN = masks.masked_T[copy.target_T].view(2 * pairs, -1)
        assert mine == slice(0, 2 * pairs)
        first_HN, second_HN = open_PN[0::2], open_PN[1::2]
        whole_H = first_HN.all(1)
        assert (second_HN == (~first_HN | whole_H[:, None])).all()
        times_N = first_HN[~whole_H].sum(0)
        assert times_N.max() - times_N.min() <= 1
        assert masks.weight_S.tolist() == [14 / k for k in open_PN.sum(1).tolist()]


def test_one_place_takes_one_pass() -> None:
    canvas, truth = questions()
    last = chunks(canvas, torch.tensor([7]))
    alone = next(iter(last)).canvas
    done = bound(reader(), alone, 128)
    assert done.passes == 1
    assert float(done.nats_S) == pytest.approx(float(truth[7]), abs=1e-5)


def test_of_a_model_that_contradicts_itself_the_bound_is_the_mean_over_orders() -> None:
    canvas, _ = questions()
    blurred = reader(blur=0.5)
    alone = next(iter(chunks(canvas, torch.tensor([3])))).canvas
    exact = float(bound(blurred, alone, 8).nats_S)
    orders = torch.stack([chain_rule(blurred, alone, seed).nats_S[0] for seed in range(300)])
    assert float(orders.std()) > 1e-3
    assert float(orders.mean()) == pytest.approx(exact, abs=4 * float(orders.std()) / 300**0.5)


def test_one_key_has_one_draw_and_company_changes_nothing() -> None:
    canvas, _ = questions(keys=[0, 1, 2, 3, 4, 5, 5, 5])
    twice, _ = questions(keys=[0, 1, 2, 3, 4, 6, 5, 5])
    alone = next(iter(chunks(canvas, torch.tensor([5, 5])))).canvas
    together = bound(reader(), canvas, 8).nats_S
    assert bound(reader(), alone, 8).nats_S.tolist() == pytest.approx([float(together[5])] * 2, abs=1e-9)
    assert float(bound(reader(), twice, 8).nats_S[5]) != pytest.approx(float(together[5]), abs=1e-6)


def test_uniform_answers_cost_the_logarithm_of_the_slice() -> None:
    canvas, _ = questions()

    def uniform(inputs: Inputs) -> TokenScores:
        return TokenScores(
            torch.full((len(inputs.class_N),), np.log(STATES + 1)), torch.ones(len(inputs.class_N)).bool()
        )

    n_S = torch.tensor(LENGTHS) - torch.tensor(GIVEN)
    done = bound(ModelReader(uniform, Slices.of(VOCABULARY), False), canvas, 8)
    assert done.nats_S.tolist() == pytest.approx((n_S * np.log(STATES + 1)).tolist(), abs=1e-5)


@pytest.mark.parametrize("passes", [0, 2, 6])
def test_passes_come_in_pairs_of_pairs(passes: int) -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        bound(reader(), questions()[0], passes)
