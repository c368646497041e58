"""A trained run at work: prompts in text, pictures and sound go in, and what the model makes of them comes out.

Between a person and the sampler lie the run's own tokenizers, and the layout of a segment: what is given, what is open,
and how long the open half is (train/lengths.py).

Shapes are named by suffix: S segments, T tokens of all segments.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import numpy as np
import numpy.typing as npt
import torch

from ...model.diffusion.tasks import MODALITIES
from ...model.keyed_random import RandomStream, uniform
from ...model.network.export import Exported, load_model
from ...model.network.inputs import Inputs
from ...model.network.slices import Slices
from ...model.network.transformer import Transformer
from ...model.sampling.block_cache import BlockCache
from ...model.sampling.canvas import Canvas, canvas_of
from ...model.sampling.causal_sampler import sample_causal
from ...model.sampling.defaults import defaults
from ...model.sampling.sampler import sample
from ...schemas.config.model import Task
from ...schemas.config.sampling import SamplingConfig
from ...schemas.dataset.layout import FRAME, TASK_SLOT, codes_of_span, sample_table
from ...schemas.errors import Refusal
from ...schemas.vocabulary import Kind, Modality, Vocabulary
from ...tokenizers.bundle import Bundle
from ...tokenizers.protocol import Pixels, Wave
from .lengths import Lengths

Ints = npt.NDArray[np.int64]
Codes = Mapping[Modality, Ints]  # of the halves of one segment; OPEN where they are to be said
Prompt = str | Pixels | Wave | Ints
MASKED = -1
GAP = re.compile(r"<gap:(\d+)>")  # in a text: so many tokens to be said


@dataclass(frozen=True)
class GeneratedSample:
    """One sample: its ids and what they stand for; a half that the segment lacks is None."""

    task: Task
    tokens: Ints  # ids of the whole segment, task slot first
    generated: npt.NDArray[np.bool_]  # which of them are the model's
    text: str | None
    pixels: Pixels | None
    wave: Wave | None
    sample_rate: int | None


class Generation(NamedTuple):
    """What one call made, and what it took."""

    samples: list[GeneratedSample]
    calls: int  # of the model


@dataclass(frozen=True)
class Generator:
    """A model with the tokenizers of what it was trained on, and the lengths."""

    folder: Path
    exported: Exported
    bundle: Bundle
    lengths: Lengths

    @classmethod
    def open(cls, run: str | Path, device: torch.device | str = "cpu") -> Self:
        """That of a run's folder; raises Refusal when it has no finished model."""
        folder = Path(run) / "model"
        return cls(Path(run), load_model(folder, device), Bundle.of_model(folder), Lengths.of_model(folder))

    @property
    def model(self) -> Transformer:
        """The network."""
        return self.exported.model

    @property
    def vocabulary(self) -> Vocabulary:
        """The id space."""
        return self.exported.vocabulary

    @property
    def slices(self) -> Slices:
        """What each place's softmax runs over."""
        return self.model.slices

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @property
    def causal(self) -> bool:
        """True for the autoregressive control."""
        return self.exported.objective == "autoregressive"

    def defaults(self, task: Task) -> SamplingConfig:
        """How the task is sampled unless something else is asked for; the control knows no null condition."""
        return defaults(task).model_copy(update={"guidance": 0.0} if self.causal else {})

    def logits(self, inputs: Inputs) -> list[torch.Tensor]:
        """float32 logits (n, C) for each of `inputs.groups`."""
        counts = [count for _, count in inputs.groups]
        parts = torch.split(self.model.hidden_states(inputs), counts)
        return [self.model.head.logits(h_ND, index) for (index, _), h_ND in zip(inputs.groups, parts, strict=True)]

    def generate(
        self, task: Task, prompts: Sequence[Prompt], config: SamplingConfig, seed: int, *, length: int | None = None
    ) -> Generation:
        """A sample for each prompt, all together; a prompt is what the task is given, for `text` a text to go on with.

        A text with `<gap:8>` in it is filled in there and nowhere else; a text may also come as its codes, OPEN where
        they are to be said. `length` counts the tokens that are to be
        said; by default a sample has the length of one that was trained on. Raises Refusal for a task that the run was
        not trained on, and for an autoregressive run asked for what comes before what is given.
        """
        self._require_possible(task)
        draws = uniform(seed, RandomStream.LENGTH, torch.arange(len(prompts))).tolist()
        codes = [self._codes(task, prompt, length, draw) for prompt, draw in zip(prompts, draws, strict=True)]
        canvas = self.canvas(task, codes).to(self.device)
        predict = BlockCache(self.model) if config.cache and not self.causal else self.logits
        sampled = (sample_causal if self.causal else sample)(predict, canvas, self.slices, config, seed)
        sizes = torch.bincount(canvas.index_T).tolist()
        parts = zip(*(torch.split(x_T.cpu(), sizes) for x_T in (sampled.tokens_T, canvas.target_T)), strict=True)
        return Generation(
            [self.decode(task, tokens.numpy(), generated.numpy()) for tokens, generated in parts], sampled.calls
        )

    def canvas(self, task: Task, codes: Sequence[Codes]) -> Canvas:
        """Segments of these halves, open where a code is OPEN."""
        kinds = [next(kind for kind in Kind if set(kind.modalities) == set(one)) for one in codes]
        # the control has one slot for all pairs
        slots = [Task.JOINT if self.causal and task is not Task.TEXT else task] * len(codes)
        sizes = {modality.name.lower(): self.vocabulary.size for modality in MODALITIES}
        known = {
            modality: [_with_zeros(one[modality]) if modality in one else None for one in codes]
            for modality in MODALITIES
        }
        canvas = canvas_of(sample_table(kinds, known, sizes), self.vocabulary, slots)
        target_T = np.concatenate([_target_mask(one) for one in codes])
        return replace(canvas, target_T=torch.from_numpy(target_T))

    def decode(self, task: Task, tokens: Ints, generated: npt.NDArray[np.bool_]) -> GeneratedSample:
        """What the ids of a whole segment stand for."""
        owner = self.vocabulary.modality_of(tokens)
        codes = {
            modality: codes_of_span(tokens[owner == modality], modality, self.vocabulary)
            for modality in MODALITIES
            if modality in owner
        }
        image, audio = codes.get(Modality.IMAGE), codes.get(Modality.AUDIO)
        return GeneratedSample(
            task,
            tokens,
            generated,
            text=self.bundle.text.decode(codes[Modality.TEXT]) if Modality.TEXT in codes else None,
            pixels=None if image is None else self.bundle.image.decode(image[None])[0],
            wave=None if audio is None else self.bundle.audio.decode(audio),
            sample_rate=None if audio is None else self.bundle.audio.sample_rate,
        )

    def _codes(self, task: Task, prompt: Prompt, length: int | None, draw: float) -> Codes:
        if task.given is None:
            text = self._text_with_gaps(prompt, length, draw) if isinstance(prompt, str) else prompt.astype(np.int64)
            return {Modality.TEXT: text}
        given, wanted = task.given, task.predicted or Modality.TEXT
        known = self.encode(given, prompt)
        tokens = known.size + int(given is Modality.TEXT)
        if length is None:
            length = self.lengths.draw(task, wanted, (given, tokens), draw) - int(wanted is Modality.TEXT)
        levels = len(self.vocabulary.audio) if wanted is Modality.AUDIO else 1
        whole = self.bundle.image.tokens if wanted is Modality.IMAGE else max(1, length // levels) * levels
        return {given: known, wanted: np.full(whole, MASKED)}

    def _text_with_gaps(self, prompt: str, length: int | None, draw: float) -> Ints:
        # text and lengths of gaps by turns
        parts = [
            np.full(int(part), MASKED) if at % 2 else self.encode(Modality.TEXT, part)
            for at, part in enumerate(GAP.split(prompt))
        ]
        if len(parts) == 1:
            more = length or max(1, self.lengths.draw(Task.TEXT, Modality.TEXT, None, draw) - 1)
            parts.append(np.full(more, MASKED))
        return np.concatenate(parts)

    def encode(self, modality: Modality, content: Prompt) -> Ints:
        """Codes of a text, a square of pixels or a wave; audio frame by frame."""
        if modality is Modality.TEXT:
            return self.bundle.text.encode([cast(str, content)])[0].astype(np.int64)
        tokenizer: Any = self.bundle.tokenizer(modality)
        first: Any = tokenizer.encode(np.stack([content]) if modality is Modality.IMAGE else [content])[0]
        codes: Ints = np.asarray(first, np.int64).reshape(-1)
        return codes

    def _require_possible(self, task: Task) -> None:
        if task is Task.JOINT:
            raise Refusal("task joint: has no prompt. Choose text, t2i, i2t, t2s or s2t.")
        wanted, given = task.predicted or Modality.TEXT, task.given
        missing = [
            modality.name.lower()
            for modality in (given, wanted)
            if modality is not None and modality not in self.bundle
        ]
        if missing:
            raise Refusal(
                f"{self.folder}: task {task} needs {missing[0]}, and the model has seen none. Choose another."
            )
        if self.causal and given is not None and given > wanted:
            raise Refusal(f"task {task}: an autoregressive model says {wanted.name.lower()} first. Use a masked run.")


def _with_zeros(codes: Ints) -> list[int]:
    return [0 if code == MASKED else code for code in codes.tolist()]


def _target_mask(codes: Codes) -> npt.NDArray[np.bool_]:
    """Which places of a segment are open; what frames its halves is not."""
    parts = [np.zeros(TASK_SLOT, bool)]
    for modality in MODALITIES:
        if modality in codes:
            frame = np.zeros(FRAME[modality] - 1, bool)
            closing = np.zeros(1, bool)
            parts += [frame, codes[modality] == MASKED, closing]
    return np.concatenate(parts)
