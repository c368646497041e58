"""A source of audio whose frames are a Markov chain, and its exact predictor by enumeration of all clips.

The codes of a frame depend on one another and on the frame before, so neither layout could predict them alone.
"""

from itertools import product

import numpy as np
import torch

from triptych.model.network.inputs import Inputs
from triptych.schemas.vocabulary import Modality, Special, Vocabulary

SIZES, FRAMES = (3, 2), 3
VOCABULARY = Vocabulary(text=4, image=3, audio=SIZES)
FIRST = next(i for i, block in enumerate(VOCABULARY.slices) if block.modality is Modality.AUDIO)
STARTS = torch.tensor([block.start for block in VOCABULARY.slices[FIRST:]])


class FrameSource:
    """Every clip of FRAMES frames (A, F, K), and its probability."""

    def __init__(self, seed: int = 0) -> None:
        draw = np.random.default_rng(seed)
        states = np.array(list(product(*map(range, SIZES))))
        start, step = draw.dirichlet(np.full(len(states), 0.5)), draw.dirichlet(np.full(len(states), 0.3), len(states))
        clips = np.array(list(product(range(len(states)), repeat=FRAMES)))
        chance = start[clips[:, 0]] * np.prod([step[a, b] for a, b in zip(clips.T[:-1], clips.T[1:], strict=True)], 0)
        self.clips_AFK = torch.from_numpy(states[clips])
        self.chance_A = torch.from_numpy(chance)
        self._chances: dict[tuple[int, ...], torch.Tensor] = {}

    def draw(self, rng: np.random.Generator) -> list[int]:
        """The codes of a clip, frame by frame."""
        clip: list[int] = self.clips_AFK[rng.choice(len(self.chance_A), p=self.chance_A.numpy())].flatten().tolist()
        return clip

    def nats(self, codes: list[int]) -> float:
        """Negative log-likelihood of a clip."""
        same_A = (self.clips_AFK.flatten(1) == torch.tensor(codes)).all(1)
        return -float(self.chance_A[same_A].sum().log())

    def chances(self, seen_FK: torch.Tensor) -> torch.Tensor:
        """(F, K, V) chances of each code given those that are seen; -1 is not seen. V is the largest codebook."""
        seen = tuple(seen_FK.flatten().tolist())
        if seen not in self._chances:
            self._chances[seen] = self._enumerate(seen_FK)
        return self._chances[seen]

    def _enumerate(self, seen_FK: torch.Tensor) -> torch.Tensor:
        agree_A = ((self.clips_AFK == seen_FK) | (seen_FK < 0)).flatten(1).all(1)
        weight_A = self.chance_A * agree_A
        hot_AFKV = torch.nn.functional.one_hot(self.clips_AFK, max(SIZES)).double()
        total_FKV = (weight_A[:, None, None, None] * hot_AFKV).sum(0)
        return total_FKV / weight_A.sum()


class FrameOracle:
    """The best predictor of the source; it sees inputs of either layout, as a model does."""

    def __init__(self, source: FrameSource) -> None:
        self.source = source

    def logits(self, inputs: Inputs) -> list[torch.Tensor]:
        """Logits (n, C) of each group; only audio is queried."""
        slice_N = torch.repeat_interleave(*torch.tensor(inputs.groups).T)
        table: dict[tuple[int, int], torch.Tensor] = {}
        for at_FK, token_FK in self._clips(inputs):
            seen_FK = torch.where(token_FK == Special.MASK, -1, token_FK - STARTS)
            chance_FKV = self.source.chances(seen_FK)
            for f, k in product(range(FRAMES), range(len(SIZES))):
                table[int(at_FK[f, k]), FIRST + k] = chance_FKV[f, k, : SIZES[k]]
        found = [table[key] for key in zip(inputs.query_N.tolist(), slice_N.tolist(), strict=True)]
        ends = np.cumsum([count for _, count in inputs.groups]).tolist()
        return [
            torch.stack(found[end - count : end]).log().float()
            for end, (_, count) in zip(ends, inputs.groups, strict=True)
        ]

    def __call__(self, inputs: Inputs) -> tuple[torch.Tensor, torch.Tensor]:
        """Nats of the right codes, and log Z = 0."""
        parts = zip(self.logits(inputs), inputs.class_N.split([count for _, count in inputs.groups]), strict=True)
        nats_N = torch.cat([-logits.gather(1, right[:, None])[:, 0] for logits, right in parts])
        return nats_N, torch.zeros_like(nats_N)

    def _clips(self, inputs: Inputs) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Of each clip: flat position and token of each code, (F, K)."""
        tokens_T, slice_T = inputs.tokens_BL.flatten(), inputs.slice_BL.flatten()
        if inputs.frames is None:
            at_N = (slice_T >= FIRST).nonzero()[:, 0]
            return list(
                zip(at_N.view(-1, FRAMES, len(SIZES)), tokens_T[at_N].view(-1, FRAMES, len(SIZES)), strict=True)
            )
        at_P, rest_PJ = inputs.frames
        assert bool((slice_T[at_P] == FIRST).all())
        token_PK = torch.cat((tokens_T[at_P][:, None], rest_PJ), 1)
        at_PK = at_P[:, None].expand_as(token_PK)
        return list(zip(at_PK.view(-1, FRAMES, len(SIZES)), token_PK.view(-1, FRAMES, len(SIZES)), strict=True))
