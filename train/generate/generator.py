"""Generate samples from a trained run: prompts of text, images or audio in, text, images or audio out.

A `Generator` holds the model and the run's own tokenizers. It encodes prompts, lays them out as segments with masked
positions, decides how many tokens to generate (train/generate/lengths.py), samples these and decodes the result.

Shapes are named by suffix: S segments, T tokens of all segments.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
import torch

from ...model.diffusion.tasks import MODALITIES
from ...model.keyed_random import RandomStream, uniform
from ...model.network.export import Exported
from ...model.network.inputs import Inputs
from ...model.network.slices import Slices
from ...model.network.transformer import Transformer
from ...model.sampling.block_cache import BlockCache
from ...model.sampling.canvas import Canvas, canvas_of
from ...model.sampling.causal_sampler import sample_causal
from ...model.sampling.defaults import defaults
from ...model.sampling.sampler import sample
from ...schemas.config.locations import public_url
from ...schemas.config.model import Task
from ...schemas.config.sampling import SamplingConfig
from ...schemas.dataset.layout import codes_of_span, sample_table
from ...schemas.errors import Refusal
from ...schemas.vocabulary import Kind, Modality, Vocabulary
from ...tokenizers.bundle import Bundle
from ..remote.local_copy import as_local
from ..remote.reaching import is_remote
from .gaps import encode_with_gaps, split_gaps
from .lengths import Lengths
from .open_model import folders_of, open_model
from .samples import MASKED, Codes, GeneratedSample, Generation, Ints, Prompt, target_mask, without_masked


@dataclass(frozen=True)
class Generator:
    """A trained model, ready to generate samples.

    Open the folder of a run with `Generator.open`, then call `generate`:

        generator = Generator.open("runs/first")
        image = generator.generate(Task.T2I, ["a red circle"]).samples[0].pixels

    Attributes:
        folder: Local folder of the run; the folder of the model, if that is all there is.
        exported: The model with its vocabulary and objective.
        bundle: The tokenizers of the data that it was trained on.
        lengths: Lengths of the segments that it was trained on.
    """

    folder: Path
    exported: Exported
    bundle: Bundle
    lengths: Lengths
    url: str | None = None  # public URL of the run, if it does not lie in `folder`

    @classmethod
    def open(cls, run: str | Path, device: torch.device | str = "cpu", step: int | None = None) -> Self:
        """Load the model of a run.

        Args:
            run: Folder or fsspec URL of the run, or of its folder `model`.
            device: Device of the model, such as `cuda`.
            step: Step of the checkpoint to load, also while the run goes on; None: the finished model.

        Raises:
            Refusal: If there is no such model or device, or files are damaged.
        """
        with as_local(run, step) as local:
            exported = open_model(local, step, device)
            folder, model = folders_of(local)
            parts = Bundle.of_model(model), Lengths.of_model(model)
        return cls(folder, exported, *parts, public_url(str(run)) if is_remote(str(run)) else None)

    @property
    def name(self) -> str:
        """Folder or public URL of the run, for messages and reports."""
        return self.url or str(self.folder)

    @property
    def model(self) -> Transformer:
        """The network, in evaluation mode."""
        return self.exported.model

    @property
    def vocabulary(self) -> Vocabulary:
        """The id space of the model's tokens."""
        return self.exported.vocabulary

    @property
    def slices(self) -> Slices:
        """The classes that each position's softmax runs over."""
        return self.model.slices

    @property
    def device(self) -> torch.device:
        """Device of the model's parameters."""
        return next(self.model.parameters()).device

    @property
    def causal(self) -> bool:
        """Whether the model is an autoregressive control instead of a masked diffusion model."""
        return self.exported.objective == "autoregressive"

    def defaults(self, task: Task) -> SamplingConfig:
        """Default sampling settings of a task; without guidance for an autoregressive model."""
        return defaults(task).model_copy(update={"guidance": 0.0} if self.causal else {})

    def generate(
        self,
        task: Task,
        prompts: Sequence[Prompt],
        config: SamplingConfig | None = None,
        seed: int = 0,
        *,
        length: int | None = None,
    ) -> Generation:
        r"""Generate one sample for each prompt, all in one batch.

        Args:
            task: What to generate from what: `text` (text from nothing, or completed), `t2i` (text to image), `i2t`
                (image to text), `t2s` (text to speech) or `s2t` (speech to text).
            prompts: The input of the task: a text, an image (uint8 pixels of the tokenizer's size) or a wave at the
                tokenizer's sample rate. For `text` the prompt is the beginning of the text; if it holds gaps such as
                `<gap:8>`, that many tokens are generated in each gap and nowhere else (`\<gap:8>` is plain text). A
                text may also be given as an array of codes with MASKED at the positions to generate.
            config: Sampling settings; None: the defaults of the task.
            seed: Seed of all draws. The n-th sample depends on the seed, n and its prompt, not on the other prompts.
            length: Number of tokens to generate; for an autoregressive run, the largest number of a text. None: drawn
                from the lengths of similar training samples.

        Returns:
            The samples in the order of the prompts, and the number of model calls.

        Raises:
            Refusal: If the run was not trained on the task, if the task or a prompt does not allow the length, or if an
                autoregressive run would have to generate what precedes something given.
        """
        return self.fill(task, self.segments(task, prompts, seed, length=length), config, seed)

    def segments(
        self,
        task: Task,
        prompts: Sequence[Prompt],
        seed: int = 0,
        *,
        length: int | None = None,
        keys: Sequence[int] | None = None,
    ) -> list[Codes]:
        """Lay out a segment for each prompt: its codes, and MASKED for the tokens to generate.

        Args:
            task: Task of all prompts.
            prompts: As for `generate`.
            seed: Seed of the lengths.
            length: As for `generate`.
            keys: Random key of each sample, on which its draws depend; None: 0, 1, 2, …

        Raises:
            Refusal: As `generate` does.
        """
        self._require_possible(task)
        numbers = torch.tensor(list(keys) if keys is not None else range(len(prompts)), dtype=torch.int64)
        draws = uniform(seed, RandomStream.LENGTH, numbers).tolist()
        return [self._codes(task, prompt, length, draw) for prompt, draw in zip(prompts, draws, strict=True)]

    def fill(
        self,
        task: Task,
        codes: Sequence[Codes],
        config: SamplingConfig | None = None,
        seed: int = 0,
        *,
        keys: Sequence[int] | None = None,
    ) -> Generation:
        """Generate the tokens of segments from `segments`, all in one batch; arguments as there and for `generate`."""
        config = config or self.defaults(task)
        canvas = self.canvas(task, codes, keys).to(self.device)
        predict = BlockCache(self.model) if config.cache and not self.causal else self.logits
        sampled = (sample_causal if self.causal else sample)(predict, canvas, self.slices, config, seed)
        sizes = torch.bincount(canvas.index_T).tolist()
        columns = (torch.split(x_T.cpu(), sizes) for x_T in (sampled.tokens_T, canvas.target_T))
        samples = [
            self.decode(task, tokens.numpy(), generated.numpy()) for tokens, generated in zip(*columns, strict=True)
        ]
        return Generation(samples, sampled.calls)

    def logits(self, inputs: Inputs) -> list[torch.Tensor]:
        """Logits at the queried positions: float32 (n, C) for each of `inputs.groups`, in that order."""
        counts = [count for _, count in inputs.groups]
        parts = torch.split(self.model.hidden_states(inputs), counts)
        return [self.model.head.logits(h_ND, index) for (index, _), h_ND in zip(inputs.groups, parts, strict=True)]

    def canvas(self, task: Task, codes: Sequence[Codes], keys: Sequence[int] | None = None) -> Canvas:
        """Lay out codes as segments whose targets are the positions with the code MASKED.

        Args:
            task: Task of all segments.
            codes: Codes of each segment by modality; audio frame by frame. Text is without its EOS.
            keys: Random key of each segment; None: 0, 1, 2, …
        """
        kinds = [next(kind for kind in Kind if set(kind.modalities) == set(one)) for one in codes]
        # an autoregressive model was trained with one task token for all pairs
        tasks = [Task.JOINT if self.causal and task is not Task.TEXT else task] * len(codes)
        sizes = {modality.name.lower(): self.vocabulary.size for modality in MODALITIES}
        table = {
            modality: [without_masked(one[modality]) if modality in one else None for one in codes]
            for modality in MODALITIES
        }
        canvas = canvas_of(sample_table(kinds, table, sizes), self.vocabulary, tasks, keys)
        return replace(canvas, target_T=torch.from_numpy(np.concatenate([target_mask(one) for one in codes])))

    def encode(self, modality: Modality, content: Prompt) -> Ints:
        """Encode a text, a square image or a wave as codes, int64 (n,); audio frame by frame."""
        if modality is Modality.TEXT:
            return self.bundle.text.encode([cast(str, content)])[0].astype(np.int64)
        tokenizer: Any = self.bundle.tokenizer(modality)
        first: Any = tokenizer.encode(np.stack([content]) if modality is Modality.IMAGE else [content])[0]
        codes: Ints = np.asarray(first, np.int64).reshape(-1)
        return codes

    def decode(self, task: Task, tokens: Ints, generated: npt.NDArray[np.bool_]) -> GeneratedSample:
        """Decode the token ids of a whole segment; arguments as in `GeneratedSample`."""
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
        """Codes of a segment: the encoded prompt, and MASKED for the tokens to generate."""
        if task.given is None:
            return {Modality.TEXT: self._text(prompt, length, draw)}
        given, predicted = task.given, task.predicted or Modality.TEXT
        condition = self.encode(given, prompt)
        tokens = condition.size + int(given is Modality.TEXT)
        self._require_length(task, length)
        if length is None:
            drawn = self.lengths.draw(task, predicted, (given, tokens), draw) - int(predicted is Modality.TEXT)
            length = max(1, drawn // self._step(predicted)) * self._step(predicted)
        whole = self.bundle.image.tokens if predicted is Modality.IMAGE else length
        return {given: condition, predicted: np.full(whole, MASKED)}

    def _step(self, predicted: Modality) -> int:
        """Tokens that are generated together: those of a frame of audio."""
        return len(self.vocabulary.audio) if predicted is Modality.AUDIO else 1

    def _require_length(self, task: Task, length: int | None) -> None:
        predicted = task.predicted or Modality.TEXT
        if length is None:
            return
        if predicted is Modality.IMAGE and length != self.bundle.image.tokens:
            raise Refusal(
                f"length {length}: task {task} generates images, and each has {self.bundle.image.tokens} tokens. "
                "Leave the length out."
            )
        step = self._step(predicted)
        if length % step:
            near = f"{length // step * step} or {(length // step + 1) * step}" if length > step else str(step)
            raise Refusal(f"length {length}: a frame of audio has {step} tokens. Give a multiple, such as {near}.")

    def _text(self, prompt: Prompt, length: int | None, draw: float) -> Ints:
        """Codes of a text with MASKED in its gaps, or behind it if it has none."""
        if isinstance(prompt, str):
            parts = split_gaps(prompt)
            if not any(isinstance(part, int) for part in parts):
                codes = self.encode(Modality.TEXT, "".join(map(str, parts)))
                return np.append(codes, np.full(length or self._text_length(codes.size, draw), MASKED))
            self._require_ends_in_gap([isinstance(part, int) for part in parts])
            codes = encode_with_gaps(self.bundle.text, parts)
        else:
            codes = prompt.astype(np.int64)
            self._require_ends_in_gap((codes == MASKED).tolist())
        if length is not None:
            raise Refusal(
                f"length {length}: a prompt has gaps, which give the number of tokens themselves. Leave the length out."
            )
        return codes

    def _text_length(self, given: int, draw: float) -> int:
        """Tokens that follow a prompt: as many as a training text has, but no more than the longest has with it."""
        drawn = self.lengths.draw(Task.TEXT, Modality.TEXT, None, draw)
        longest = self.lengths.longest_of(Task.TEXT, Modality.TEXT)
        return max(1, min(drawn, longest - given) - 1)

    def _require_ends_in_gap(self, gaps: Sequence[bool]) -> None:
        """Raise Refusal if an autoregressive model would have to see what stands after a gap."""
        if self.causal and any(gap and not after for gap, after in pairwise(gaps)):
            raise Refusal(
                f"{self.folder}: an autoregressive model generates a text from left to right, without what stands "
                "after a gap. Put the gap at the end of the prompt, or use a masked run."
            )

    def _require_possible(self, task: Task) -> None:
        if task is Task.JOINT:
            raise Refusal("task joint: has no prompt. Choose text, t2i, i2t, t2s or s2t.")
        predicted, given = task.predicted or Modality.TEXT, task.given
        pair = (given, predicted)
        missing = [name.name.lower() for name in pair if name is not None and name not in self.bundle]
        if missing:
            raise Refusal(
                f"{self.name}: task {task} needs {missing[0]}, and the model was trained without it. "
                "Choose another task."
            )
        if self.causal and given is not None and given > predicted:
            raise Refusal(
                f"task {task}: an autoregressive model generates {predicted.name.lower()} before "
                f"{given.name.lower()}. Use a masked run."
            )
