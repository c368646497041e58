"""Generate samples from a trained run: prompts of text, images or audio in, text, images or audio out.

A `Generator` holds the model and the run's own tokenizers. Prompts are encoded as segments with masked positions
(train/generate/prompt_encoder.py); it samples these and decodes the result.

Shapes are named by suffix: S segments, T tokens of all segments.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

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
from ...schemas.vocabulary import Kind, Modality, Vocabulary
from ...tokenizers.bundle import Bundle
from ..remote.local_copy import as_local
from ..remote.reaching import is_remote
from .lengths import Lengths
from .open_model import folders_of, open_model
from .prompt_encoder import PromptEncoder
from .samples import MASKED as MASKED  # of prompts that are codes
from .samples import Codes, GeneratedSample, Generation, Ints, Prompt, target_mask, without_masked


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

    @property
    def encoder(self) -> PromptEncoder:
        """Encodes prompts for the model."""
        return PromptEncoder(self.name, self.bundle, self.lengths, self.vocabulary, self.causal)

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
        encoder = self.encoder
        encoder.require_possible(task)
        numbers = torch.tensor(list(keys) if keys is not None else range(len(prompts)), dtype=torch.int64)
        draws = uniform(seed, RandomStream.LENGTH, numbers).tolist()
        return [encoder.codes(task, prompt, length, draw) for prompt, draw in zip(prompts, draws, strict=True)]

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
        return self.encoder.encode(modality, content)

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
