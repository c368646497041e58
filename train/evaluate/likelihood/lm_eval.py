"""A run as a model of the LM evaluation harness, which has no masked diffusion models of its own.

    python -m triptych.train.evaluate.likelihood.lm_eval --model triptych --model_args run=runs/first --tasks arc_easy

or, from Python, `lm_eval.simple_evaluate(model=harness_model("runs/first"), tasks=[...])`. The harness
(https://github.com/EleutherAI/lm-evaluation-harness) is an extra: `pip install 'triptych[evaluate]'`.

For a masked model, the likelihood of a continuation is computed by the chain rule from left to right, which is exact
and shows whether each token was the most likely one; that of a long text by the bound, window by window. Text is
generated block after block, as many tokens as the request allows, and truncated at its stop sequences
(harness_generation.py).
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...generate.generator import Generator
from .answers import answer_windows, score_answers, window_note
from .benchmarks import longest_text
from .bound import PASSES, chain_rule
from .harness_generation import generate_answers
from .reader import ModelReader
from .rolling import rolling_nats, split_windows

NAME = "triptych"


class HarnessModel:
    """The three methods that the harness calls; a request is its `Instance`."""

    def __init__(self, run: str, passes: int = PASSES, seed: int = 0, device: str | None = None, **unused: Any) -> None:
        """Open a run.

        Args:
            run: Folder of the run.
            passes: Passes of the bound on rolling windows.
            seed: Seed of masks and samples.
            device: Device of the model; None: CPU.
            **unused: Settings that the harness passes to every model, such as batch sizes.
        """
        super().__init__()
        self.generator = Generator.open(run, device or "cpu")
        self.reader = ModelReader.of(self.generator.exported)
        self.longest = longest_text(self.generator)
        self.passes, self.seed = int(passes), int(seed)

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Log-likelihood in nats of each continuation given its context, and whether greedy decoding would give it."""
        pairs = [request.args for request in requests]
        windows = answer_windows(pairs, self.generator.bundle.text, self.longest)
        if note := window_note(windows, self.longest):
            warnings.warn(note, stacklevel=2)
        found = score_answers(
            lambda canvas: chain_rule(self.reader, canvas), windows, self.generator.vocabulary, range(len(pairs))
        )
        assert found.greedy_S is not None
        return list(zip((-found.nats_S).tolist(), found.greedy_S.tolist(), strict=True))

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """Log-likelihood in nats of each whole text, in windows that do not overlap."""
        texts = [request.args[0] for request in requests]
        windows = split_windows(self.generator.bundle.text, texts, self.longest)
        nats = rolling_nats(self.reader, self.generator.vocabulary, windows.codes, self.passes, self.seed)
        totals: list[float] = (-np.bincount(windows.text, nats, minlength=len(texts))).tolist()
        return totals

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """Generated continuation of each context, up to the first of its stop sequences."""
        answers = generate_answers(self.generator, [request.args for request in requests], self.longest, self.seed)
        if answers.note:
            warnings.warn(answers.note, stacklevel=2)
        return answers.texts


def harness_model(run: str, **settings: Any) -> Any:
    """A run as an `lm_eval.api.model.LM`; settings are those of `HarnessModel`."""
    return harness_class()(run, **settings)


def harness_class() -> Any:
    """The class to register with the harness, so that `--model triptych` finds it."""
    from lm_eval.api.model import LM

    return type("TriptychLM", (HarnessModel, LM), {})


if __name__ == "__main__":
    from lm_eval.__main__ import cli_evaluate
    from lm_eval.api.registry import register_model

    register_model(NAME)(harness_class())
    cli_evaluate()
