"""Many passes of many segments: what the model is shown, what it is asked for, and how passes are cut into rows."""

import numpy as np
import torch

from triptych.model.network.inputs import Inputs
from triptych.model.network.slices import Slices
from triptych.model.sampling.canvas import Canvas
from triptych.schemas.vocabulary import Special, Vocabulary
from triptych.train.evaluate.likelihood.reader import ModelReader, TokenScores, chunks, target_ranks
from triptych.train.evaluate.likelihood.text_segments import text_canvas

VOCABULARY = Vocabulary(text=30)
LENGTHS = [1, 2, 3, 5, 9, 14, 14, 14]


def texts(seed: int = 0) -> Canvas:
    draw = np.random.default_rng(seed)
    rows = [draw.integers(0, 30, length).tolist() for length in LENGTHS]
    return text_canvas(rows, VOCABULARY, range(10, 10 + len(rows)))


def test_passes_are_cut_by_tokens_alone() -> None:
    canvas = texts()
    segment_P = torch.tensor([0, 7, 7, 3, 5])
    for most in (1, 16, 33, 1000):
        made = list(chunks(canvas, segment_P, most))
        assert torch.cat([part.canvas.tokens_T for part in made]).tolist() == [
            token for segment in segment_P.tolist() for token in canvas.tokens_T[canvas.index_T == segment].tolist()
        ]
        assert torch.cat([part.canvas.key_S for part in made]).tolist() == (segment_P + 10).tolist()
        assert [number for part in made for number in range(5)[part.passes]] == list(range(5))
        for part in made:
            assert len(part.canvas.tokens_T) <= most or len(part.canvas.key_S) == 1
            assert torch.equal(canvas.position_T[part.token_T], part.canvas.position_T)
            assert torch.equal(canvas.index_T[part.token_T], segment_P[part.passes][part.canvas.index_T])


def test_targets_are_counted_from_nought_in_each_segment() -> None:
    canvas = texts()
    count_S, rank_T = target_ranks(canvas)
    assert count_S.tolist() == LENGTHS
    assert rank_T[canvas.target_T].tolist() == [rank for length in LENGTHS for rank in range(length)]


def test_hidden_tokens_are_shown_as_masks_and_scores_come_in_the_order_of_queries() -> None:
    canvas, seen = texts(), []

    def predict(inputs: Inputs) -> TokenScores:
        seen.append(inputs)
        return TokenScores(inputs.class_N.float(), inputs.class_N % 2 == 0)

    draw = torch.Generator().manual_seed(0)
    hidden_T = canvas.target_T & (torch.rand(len(canvas.tokens_T), generator=draw) < 0.5)
    start = VOCABULARY.slices[1].start
    for causal in (False, True):
        index_N, scores = ModelReader(predict, Slices.of(VOCABULARY), causal)(canvas, hidden_T, hidden_T)
        assert torch.equal(index_N, canvas.index_T[hidden_T])
        assert torch.equal(scores.nats_N, (canvas.tokens_T[hidden_T] - start + 1).float())  # EOS is class 0
        assert torch.equal(seen[-1].tokens_BL[0] == Special.MASK, hidden_T)
        assert torch.equal(seen[-1].tokens_BL[0][~hidden_T], canvas.tokens_T[~hidden_T])
        assert torch.equal(seen[-1].query_N, hidden_T.nonzero()[:, 0] - int(causal))


def test_without_queries_the_model_is_not_asked() -> None:
    canvas, asked = texts(), []

    def predict(inputs: Inputs) -> TokenScores:
        asked.append(inputs)
        return TokenScores(torch.zeros(0), torch.zeros(0, dtype=torch.bool))

    none_T = torch.zeros_like(canvas.target_T)
    index_N, scores = ModelReader(predict, Slices.of(VOCABULARY), False)(canvas, none_T, none_T)
    assert (len(index_N), len(scores.nats_N), len(scores.greedy_N), asked) == (0, 0, 0, [])
