"""Sources whose joint distribution is known, with their exact predictors: what a sampler does to them can be measured.

A perfect model of a source samples it exactly if one token is unmasked per call. What is lost with fewer calls, or with
a temperature, is then the work of the sampler alone.

Shapes are named by suffix: A possible segments, N codes of a segment, V ids of the largest codebook, S sampled
segments.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import log

import numpy as np
import numpy.typing as npt
import torch

from ....model.network.inputs import Inputs
from ....model.sampling.canvas import Canvas, canvas_of
from ....schemas.config.model import Task
from ....schemas.dataset.layout import sample_table
from ....schemas.vocabulary import Kind, Modality, Special, Vocabulary

Floats = npt.NDArray[np.float64]
_KIND = {Task.TEXT: Kind.TEXT, Task.T2S: Kind.AUDIO_TEXT}
_TARGET = {Task.TEXT: Modality.TEXT, Task.T2S: Modality.AUDIO}


@dataclass(frozen=True)
class KnownSource:
    """A distribution over segments that can be enumerated."""

    name: str
    task: Task
    vocabulary: Vocabulary
    codes_AN: torch.Tensor  # int64; every possible segment
    chance_A: torch.Tensor  # float64; sums to 1

    @property
    def entropy(self) -> float:
        """Entropy of a code in bits: the fewest bits per token that samples can cost on average."""
        return float(torch.special.entr(self.chance_A).sum()) / log(2) / self.codes_AN.shape[1]

    def canvas(self, n: int) -> Canvas:
        """Segments to sample."""
        modality = _TARGET[self.task]
        codes = {Modality.TEXT: [[0]] * n} | {modality: [[0] * self.codes_AN.shape[1]] * n}
        sizes = {one.name.lower(): self.vocabulary.size for one in list(Modality)[1:]}
        return canvas_of(sample_table([_KIND[self.task]] * n, codes, sizes), self.vocabulary, [self.task] * n)

    def index(self, tokens_T: torch.Tensor, canvas: Canvas) -> torch.Tensor:
        """(S,) which of the possible segments each sampled one is; -1 for one that the source never gives."""
        codes_SN = self._codes(tokens_T, canvas.slice_T, len(canvas.key_S))
        place_S: torch.Tensor = self._place_of[codes_SN @ self._powers]
        return place_S

    def predict(self, inputs: Inputs) -> list[torch.Tensor]:
        """The exact predictor, as the sampler calls a model: logits of each group of queries."""
        tokens_T, slice_T = inputs.tokens_BL.flatten(), inputs.slice_BL.flatten()
        segments = len(torch.unique_consecutive(inputs.segment_BL))
        seen_SN = self._codes(tokens_T, slice_T, segments)
        same_SNA = (seen_SN[:, :, None] == self.codes_AN.T) | (seen_SN[:, :, None] < 0)
        weight_SA = same_SNA.all(1) * self.chance_A
        total_SNV = (weight_SA @ self._one_hot).view(segments, -1, self._width)
        # what was sampled together may be impossible together; then all codes are alike
        chance_SNV = torch.where(weight_SA.sum(1)[:, None, None] > 0, total_SNV, 1.0)
        place_T = self._places(slice_T)
        chance_MV = chance_SNV.flatten(0, 1)[place_T[inputs.query_N]]
        parts = torch.split(chance_MV, [count for _, count in inputs.groups])
        return [self._logits(part, index) for (index, _), part in zip(inputs.groups, parts, strict=True)]

    def _logits(self, chance_MV: torch.Tensor, index: int) -> torch.Tensor:
        block = self.vocabulary.slices[index]
        logits = chance_MV[:, : block.stop - block.start].log().float()
        eos = int(block.modality is Modality.TEXT)  # its class comes first and is cut off by the sampler
        padded_MC: torch.Tensor = torch.nn.functional.pad(logits, (eos, 0), value=-torch.inf)
        return padded_MC

    def _codes(self, tokens_T: torch.Tensor, slice_T: torch.Tensor, segments: int) -> torch.Tensor:
        """(S, N) codes of the target modality; -1 where masked."""
        mine_T = self._targets(slice_T)
        starts = torch.tensor([block.start for block in self.vocabulary.slices])
        codes_M = torch.where(tokens_T == Special.MASK, -1, tokens_T - starts[slice_T])[mine_T]
        return codes_M.view(segments, -1)[:, : self.codes_AN.shape[1]]  # without EOS

    def _places(self, slice_T: torch.Tensor) -> torch.Tensor:
        """(T,) flat index in (S, N) of each target."""
        mine_T = self._targets(slice_T)
        width = self.codes_AN.shape[1] + int(self.task is Task.TEXT)  # with EOS
        order_T = mine_T.cumsum(0) - 1
        return order_T // width * self.codes_AN.shape[1] + order_T % width

    def _targets(self, slice_T: torch.Tensor) -> torch.Tensor:
        wanted = [index for index, one in enumerate(self.vocabulary.slices) if one.modality is _TARGET[self.task]]
        return torch.isin(slice_T, torch.tensor(wanted))

    @property
    def _width(self) -> int:
        return int(self.codes_AN.max()) + 1

    @cached_property
    def _one_hot(self) -> torch.Tensor:
        return torch.nn.functional.one_hot(self.codes_AN, self._width).double().flatten(1)

    @cached_property
    def _powers(self) -> torch.Tensor:
        return self._width ** torch.arange(self.codes_AN.shape[1])

    @cached_property
    def _place_of(self) -> torch.Tensor:
        place = torch.full((self._width ** self.codes_AN.shape[1],), -1)
        place[self.codes_AN @ self._powers] = torch.arange(len(self.codes_AN))
        return place


def chain_source(length: int = 6, states: int = 3, seed: int = 0) -> KnownSource:
    """A text that is a Markov chain: neighbours depend on each other, far positions hardly."""
    draw = np.random.default_rng(seed)
    start, step = draw.dirichlet(np.full(states, 0.5)), draw.dirichlet(np.full(states, 0.4), states)
    return _markov("a text that is a Markov chain", Task.TEXT, np.arange(states)[:, None], start, step, length)


def clip_source(frames: int = 3, codebooks: tuple[int, ...] = (3, 3), seed: int = 0) -> KnownSource:
    """A clip whose frames are a Markov chain, and whose second codebook refines the first."""
    draw = np.random.default_rng(seed)
    frame = np.array(list(product(*map(range, codebooks))))
    start, step = draw.dirichlet(np.full(len(frame), 0.5)), draw.dirichlet(np.full(len(frame), 0.2), len(frame))
    return _markov("a clip of frames that are a Markov chain", Task.T2S, frame, start, step, frames)


def sum_source(digits: int = 3) -> KnownSource:
    """A text of two numbers' digits and their sum modulo 3, digit by digit; common digits are three times as likely."""
    chance = np.array([0.6, 0.2, 0.2])
    pairs = list(product(range(3), repeat=2 * digits))
    codes = np.array([[*pair, *((pair[i] + pair[digits + i]) % 3 for i in range(digits))] for pair in pairs])
    chances = np.prod(chance[np.array(pairs)], axis=1)
    vocabulary = Vocabulary(text=3)
    return KnownSource(
        "a text of digits and their sums", Task.TEXT, vocabulary, torch.from_numpy(codes), torch.from_numpy(chances)
    )


def _markov(
    name: str, task: Task, states: npt.NDArray[np.int64], start: Floats, step: Floats, length: int
) -> KnownSource:
    """A Markov chain over states of one code or several."""
    paths = np.array(list(product(range(len(states)), repeat=length)))
    chance = start[paths[:, 0]] * np.prod([step[a, b] for a, b in zip(paths.T[:-1], paths.T[1:], strict=True)], axis=0)
    sizes = [int(column.max()) + 1 for column in states.T]
    vocabulary = Vocabulary(text=sizes[0]) if task is Task.TEXT else Vocabulary(text=1, audio=tuple(sizes))
    return KnownSource(
        name, task, vocabulary, torch.from_numpy(states[paths].reshape(len(paths), -1)), torch.from_numpy(chance)
    )


SOURCES: dict[str, Callable[[], KnownSource]] = {"chain": chain_source, "sum": sum_source, "clip": clip_source}
