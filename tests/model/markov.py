"""A source whose entropy is known, and the best there is at predicting it.

A sample is a stationary Markov chain that runs through its text, picture and clip; the code of a token is the state.
"""

import numpy as np
import torch

from triptych.model.network.inputs import Inputs
from triptych.schemas.vocabulary import Kind, Modality, Special, Vocabulary

from .conftest import Sample

STATES = 5
VOCABULARY = Vocabulary(text=STATES, image=STATES, audio=(STATES, STATES))
FIRST = torch.tensor([block.start for block in VOCABULARY.slices])


class Markov:
    """The chain: transition matrix `p_VV` and its stationary distribution `pi_V`."""

    def __init__(self, seed: int = 0) -> None:
        draw = np.random.default_rng(seed)
        matrix = draw.dirichlet(np.full(STATES, 0.4), STATES)
        self.p_VV = torch.from_numpy(0.95 * matrix + 0.05 / STATES)
        values, vectors = torch.linalg.eig(self.p_VV.T)
        pi = vectors[:, values.real.argmax()].real
        self.pi_V = pi / pi.sum()

    def entropy(self, length: int) -> float:
        """Of `length` states in a row, in nats."""
        start = -(self.pi_V * self.pi_V.log()).sum()
        step = -(self.pi_V[:, None] * self.p_VV * self.p_VV.log()).sum()
        return float(start + (length - 1) * step)

    def sample(self, draw: np.random.Generator, kind: Kind, lengths: dict[Modality, int]) -> Sample:
        """One sample of a kind, its halves as long as said."""
        states: list[int] = []
        halves: dict[Modality, list[int]] = {}
        for half in kind.modalities:
            for _ in range(lengths[half]):
                chances = self.p_VV[states[-1]] if states else self.pi_V
                states.append(int(draw.choice(STATES, p=chances.numpy() / float(chances.sum()))))
            halves[half] = states[len(states) - lengths[half] :]
        return Sample(halves.get(Modality.TEXT), halves.get(Modality.IMAGE), halves.get(Modality.AUDIO))

    def log_likelihood(self, state_RK: torch.Tensor) -> torch.Tensor:
        """(R,) nats of what is seen of R chains; -1 is not seen, and what comes after a chain's end neither."""
        total_R = torch.zeros(len(state_RK), dtype=torch.float64)
        ahead_RV = self.pi_V.expand(len(state_RK), -1)
        for state_R in state_RK.T:
            seen_RV = ahead_RV * _evidence(state_R)
            scale_R = seen_RV.sum(-1)
            total_R += scale_R.log()
            ahead_RV = (seen_RV / scale_R[:, None]) @ self.p_VV
        return total_R

    def predictions(self, state_RK: torch.Tensor, *, causal: bool) -> torch.Tensor:
        """(R, K, V) chances of each state, given all that is seen elsewhere (causal: before) in the chain."""
        rows, length = state_RK.shape
        ahead = torch.empty(length, rows, STATES, dtype=torch.float64)
        behind = torch.ones(length, rows, STATES, dtype=torch.float64)
        at = self.pi_V.expand(rows, -1)
        for k in range(length):
            ahead[k] = at
            seen = at * _evidence(state_RK[:, k])
            at = (seen / seen.sum(-1, keepdim=True)) @ self.p_VV
        for k in range(length - 1, 0, -1):
            if not causal:
                back = (behind[k] * _evidence(state_RK[:, k])) @ self.p_VV.T
                behind[k - 1] = back / back.sum(-1, keepdim=True)
        both = ahead * behind
        return (both / both.sum(-1, keepdim=True)).transpose(0, 1)


def _evidence(state_R: torch.Tensor) -> torch.Tensor:
    """(R, V): 1 where a state agrees with what is seen."""
    seen = torch.nn.functional.one_hot(state_R.clamp(min=0), STATES).double()
    return torch.where(state_R[:, None] < 0, 1.0, seen)


class Oracle:
    """The chain's exact Bayes predictor in the place of a model: no loss is lower."""

    def __init__(self, source: Markov) -> None:
        self.source = source

    def __call__(self, inputs: Inputs) -> tuple[torch.Tensor, torch.Tensor]:
        """Nats of the right answers; log_z is 0, since chances are normalised."""
        chance_NV, end_N = self._chances(inputs)
        place_N = inputs.place_N + int(inputs.causal)
        text_N = _answered(inputs).flatten()[place_N] == 1
        code_N = inputs.class_N - text_N.long()  # the class before text's first is EOS
        nats_N = -chance_NV.gather(1, code_N.clamp(min=0)[:, None])[:, 0].log()
        assert torch.equal(end_N, code_N < 0)  # where text ends, EOS stands, and nothing else can
        return torch.where(end_N, 0.0, nats_N).float(), torch.zeros(len(nats_N))

    def ask(self, inputs: Inputs) -> list[torch.Tensor]:
        """Logits of each group, as a sampler asks for them; EOS has no chance where a chain goes on."""
        chance_NV, _ = self._chances(inputs)
        parts = chance_NV.log().float().split([count for _, count in inputs.groups])
        pad = torch.nn.functional.pad
        return [
            pad(part, (int(index == 1), 0), value=-torch.inf)
            for (index, _), part in zip(inputs.groups, parts, strict=True)
        ]

    def _chances(self, inputs: Inputs) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, V) chances at the places asked for, and which of them (N,) are the end of a text instead."""
        chain_BL, index_BL, state_RK = chains(inputs.tokens_BL, inputs.segment_BL, _answered(inputs))
        chance_RKV = self.source.predictions(state_RK, causal=inputs.causal)
        place_N = inputs.place_N + int(inputs.causal)
        at_N = index_BL.flatten()[place_N]
        return chance_RKV.flatten(0, 1)[at_N.clamp(min=0)], ~chain_BL.flatten()[place_N]


def _answered(inputs: Inputs) -> torch.Tensor:
    """(B, L) slice of each place itself, also where it is asked for at the place before."""
    return inputs.slice_BL.roll(1, 1) if inputs.causal else inputs.slice_BL


def chains(
    tokens_BL: torch.Tensor, segment_BL: torch.Tensor, slice_BL: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Which places are of a chain (B, L); where each lies in states, flat (B, L); and the states (R, K), -1 unseen."""
    rows, length = tokens_BL.shape
    following = torch.nn.functional.pad(slice_BL[:, 1:] * (segment_BL[:, 1:] == segment_BL[:, :-1]), (0, 1))
    chain_BL = (slice_BL > 0) & ~((slice_BL == 1) & (following != 1))
    per_row = int(segment_BL.max())
    chain_id = (torch.arange(rows)[:, None] * per_row + segment_BL.long() - 1)[chain_BL]
    counts = torch.bincount(chain_id, minlength=rows * per_row)
    place = torch.arange(len(chain_id)) - (counts.cumsum(0) - counts)[chain_id]
    codes = tokens_BL[chain_BL] - FIRST[slice_BL[chain_BL].long()]
    state_RK = torch.full((rows * per_row, int(counts.max())), -1)
    state_RK[chain_id, place] = torch.where(tokens_BL[chain_BL] == Special.MASK, -1, codes)
    index_BL = torch.full((rows, length), -1)
    index_BL[chain_BL] = chain_id * state_RK.shape[1] + place
    return chain_BL, index_BL, state_RK
