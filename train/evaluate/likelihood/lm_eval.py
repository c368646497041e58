"""A run as a model of the LM evaluation harness, which has no masked diffusion models of its own.

    python -m triptych.train.evaluate.likelihood.lm_eval --model triptych --model_args run=runs/first --tasks arc_easy

or, from Python, `lm_eval.simple_evaluate(model=harness_model("runs/first"), tasks=[...])`. The harness
(https://github.com/EleutherAI/lm-evaluation-harness) is an extra: `pip install 'triptych[evaluate]'`.

For a masked model, the likelihood of a continuation is computed by the chain rule from left to right, which is exact
and shows whether each token was the most likely one; that of a long text by the bound, window by window. Text is
generated block after block, as many tokens as the request allows, and truncated at its stop sequences.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....schemas.config.model import Task
from ....schemas.config.sampling import SamplingConfig
from ....schemas.dataset.layout import codes_of_span
from ....schemas.vocabulary import Modality, Special
from ...generate.generator import Generator
from ...generate.samples import MASKED, GeneratedSample
from .benchmarks import longest_text
from .bound import PASSES, chain_rule
from .reader import ModelReader
from .rolling import rolling_nats, split_windows
from .text_segments import FRAME, canvas_of_pairs

NAME = "triptych"
TOKENS = 256  # generated if a request does not state a number; the harness's own default
BLOCK = 32


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
        canvas = canvas_of_pairs(
            pairs, self.generator.bundle.text, self.generator.vocabulary, self.longest, range(len(pairs))
        )
        done = chain_rule(self.reader, canvas)
        assert done.greedy_S is not None
        return list(zip((-done.nats_S).tolist(), done.greedy_S.tolist(), strict=True))

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """Log-likelihood in nats of each whole text, in windows that do not overlap."""
        texts = [request.args[0] for request in requests]
        windows = split_windows(self.generator.bundle.text, texts, self.longest)
        nats = rolling_nats(self.reader, self.generator.vocabulary, windows.codes, self.passes, self.seed)
        totals: list[float] = (-np.bincount(windows.text, nats, minlength=len(texts))).tolist()
        return totals

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """Generated continuation of each context, up to the first of its stop sequences."""
        return [self._generate(*request.args) for request in requests]

    def _generate(self, context: str, settings: dict[str, Any]) -> str:
        tokens = min(int(settings.get("max_gen_toks", TOKENS)), self.longest - FRAME - 1)
        temperature = float(settings.get("temperature", 1.0)) if settings.get("do_sample") else 0.0
        config = SamplingConfig(rule="confidence", block=BLOCK, steps=tokens, temperature=temperature)
        codes = self.generator.encode(Modality.TEXT, context)[-(self.longest - FRAME - tokens) :]
        prompt = np.append(
            codes, np.full(tokens, MASKED)
        )  # codes, so that a context with the text of a gap is not parsed
        made = self.generator.generate(Task.TEXT, [prompt], config, self.seed).samples[0]
        until = settings.get("until") or []
        return before(self._said(made), [until] if isinstance(until, str) else until)

    def _said(self, made: GeneratedSample) -> str:
        ids = made.tokens[made.generated]
        ends = np.flatnonzero(ids == Special.EOS)
        ids = ids[: ends[0]] if len(ends) else ids
        return self.generator.bundle.text.decode(codes_of_span(ids, Modality.TEXT, self.generator.vocabulary))


def before(text: str, stops: Sequence[str]) -> str:
    """The text up to the first occurrence of any stop sequence."""
    return text[: min((text.find(stop) for stop in stops if stop and stop in text), default=len(text))]


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
