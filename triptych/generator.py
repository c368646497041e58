"""A trained model: generate text, images and speech, and compute likelihoods."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike, fspath
from typing import Literal

import numpy as np
import numpy.typing as npt

from .model.sampling.canvas import Canvas
from .schemas.config.load import check
from .schemas.config.model import Task
from .schemas.config.sampling import SamplingConfig
from .schemas.errors import Refusal
from .train.evaluate.likelihood.answers import answer_windows, score_answers, window_note
from .train.evaluate.likelihood.benchmarks import longest_text
from .train.evaluate.likelihood.bound import PASSES, bound
from .train.evaluate.likelihood.bound import Likelihood as _Likelihood
from .train.evaluate.likelihood.reader import ModelReader
from .train.generate.generator import Generator as _Generator
from .train.generate.limits import length_warning
from .train.generate.samples import MASKED, Codes, GeneratedSample

TaskName = Literal["text", "t2i", "i2t", "t2s", "s2t"]
Content = str | npt.NDArray[np.uint8] | npt.NDArray[np.float32]
PAGE = "docs/reference/sampling.md"


@dataclass(frozen=True)
class Likelihood:
    """How likely a model finds a target.

    Attributes:
        nats: Negative log-likelihood of the target given its prompt, in nats: exact for an autoregressive model, an
            estimate of its upper bound for a masked one.
        standard_error: Standard error of that estimate; 0 where it is exact.
        tokens: Number of tokens of the target.
    """

    nats: float
    standard_error: float
    tokens: int


class Generator:
    """The model of a training run.

    Args:
        run: Folder or fsspec URL of the run, as `triptych train` leaves it.
        device: Device to run on, such as ``"cuda"``.

    Raises:
        Refusal: The run has no finished model.
    """

    def __init__(self, run: str | PathLike[str], *, device: str = "cpu") -> None:
        self._generator = _Generator.open(fspath(run), device)

    def __repr__(self) -> str:
        return f"Generator({self._generator.name!r})"

    def generate(
        self,
        task: TaskName,
        prompts: Sequence[Content],
        *,
        seed: int = 0,
        length: int | None = None,
        steps: int | None = None,
        temperature: float | None = None,
        guidance: float | None = None,
        settings: SamplingConfig | None = None,
    ) -> list[GeneratedSample]:
        """Generate one sample for each prompt, all in one batch.

        Args:
            task: ``"text"``, or what is generated from what: ``"t2i"`` (text to image), ``"i2t"``, ``"t2s"`` (text to
                speech), ``"s2t"``.
            prompts: A text, an image (side, side, 3) uint8 of the tokenizer's size, or a wave (samples,) float32 at the
                tokenizer's rate. For ``"text"``: how the text begins; with gaps such as ``<gap:8>``, that many tokens
                are generated in each gap and nowhere else.
            seed: Seed of all draws.
            length: Tokens to generate; by default drawn from the lengths of similar training samples.
            steps: Sampling steps; by default those of the task.
            temperature: Temperature of the token distribution; by default that of the task.
            guidance: Strength of classifier-free guidance, 0 for none; by default that of the task.
            settings: All sampling settings; by default those of the task. The three above override it.

        Returns:
            The samples, in the order of the prompts.

        Raises:
            Refusal: The run was not trained on the task, or a setting is out of range.
        """
        chosen = settings or self._generator.defaults(Task(task))
        given = {"steps": steps, "temperature": temperature, "guidance": guidance}
        update = {name: value for name, value in given.items() if value is not None}
        if update:
            tree = chosen.model_dump(mode="json", exclude_unset=True) | update
            chosen = check(SamplingConfig, tree, "the sampling settings", PAGE)
        codes = self._generator.segments(Task(task), prompts, seed, length=length)
        if (warning := length_warning(Task(task), codes, self._generator.lengths)) is not None:
            warnings.warn(warning, stacklevel=2)
        return self._generator.fill(Task(task), codes, chosen, seed).samples

    def likelihood(
        self,
        targets: Sequence[Content],
        prompts: Sequence[Content] | None = None,
        *,
        task: TaskName = "text",
        passes: int = PASSES,
        seed: int = 0,
    ) -> list[Likelihood]:
        """Compute how likely the model finds each target, given its prompt.

        Args:
            targets: What the task would generate: texts, images or waves.
            prompts: What it would be generated from; for ``"text"`` the text before the target, by default none.
            task: As of `generate`.
            passes: Model passes for each target, a multiple of 4; more give a smaller standard error.
            seed: Seed of the masks. Targets of one position share their masks between calls.

        Raises:
            Refusal: The run was not trained on the task, or prompts are missing.
        """
        reader = ModelReader.of(self._generator.exported)

        def estimate(canvas: Canvas) -> _Likelihood:
            return bound(reader, canvas, passes, seed)

        if Task(task) is Task.TEXT:
            return self._likelihood_of_texts(estimate, [str(target) for target in targets], prompts)
        canvas = self._canvas(Task(task), targets, prompts)
        found = estimate(canvas)
        counts = np.bincount(canvas.index_T[canvas.target_T].numpy(), minlength=len(targets))
        figures = zip(found.nats_S.tolist(), found.error_S.tolist(), counts.tolist(), strict=True)
        return [Likelihood(nats, error, tokens) for nats, error, tokens in figures]

    def _likelihood_of_texts(
        self, estimate: Callable[[Canvas], _Likelihood], targets: list[str], prompts: Sequence[Content] | None
    ) -> list[Likelihood]:
        """Likelihoods of texts after texts, in windows where they are too long for one segment."""
        before = [str(prompt) for prompt in prompts] if prompts is not None else [""] * len(targets)
        longest = longest_text(self._generator)
        windows = answer_windows(list(zip(before, targets, strict=True)), self._generator.bundle.text, longest)
        if note := window_note(windows, longest):
            warnings.warn(note, stacklevel=3)
        found = score_answers(estimate, windows, self._generator.vocabulary, range(len(targets)))
        figures = zip(found.nats_S.tolist(), found.error_S.tolist(), windows.tokens_S.tolist(), strict=True)
        return [Likelihood(nats, error, tokens) for nats, error, tokens in figures]

    def _canvas(self, task: Task, targets: Sequence[Content], prompts: Sequence[Content] | None) -> Canvas:
        """Segments with prompts and targets in them, the targets to be predicted."""
        given, predicted = task.given, task.predicted
        assert given is not None
        assert predicted is not None
        if prompts is None:
            raise Refusal(f"task {task}: a likelihood needs a prompt for each target. Give `prompts`.")
        encode = self._generator.encode
        known: list[Codes] = [
            {given: encode(given, prompt), predicted: encode(predicted, target)}
            for prompt, target in zip(prompts, targets, strict=True)
        ]
        masked = [{**codes, predicted: np.full_like(codes[predicted], MASKED)} for codes in known]
        whole = self._generator.canvas(task, known)
        return replace(whole, target_T=self._generator.canvas(task, masked).target_T)
