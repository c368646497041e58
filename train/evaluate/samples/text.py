"""Figures of generated text: likelihood under a scoring model and diversity; neither is meaningful alone.

Text that repeats one word has a very low perplexity, so entropy is always reported with it, and real text beside both.
Both depend on length, so samples are compared with held-out texts truncated to their lengths.
"""

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..report.metric import Metric
from ..report.not_measured import NotMeasured
from ..standard_errors import jackknife_error, mean_error, ratio_error

if TYPE_CHECKING:
    from ..likelihood.causal_scorer import CausalScorer

Codes = npt.NDArray[np.int64]

GROUP = "text"
LENGTH = 256  # tokens of a sample
GRAMS = (1, 2, 3)
FEWEST = 100  # least number of texts for MAUVE, which forms a tenth as many clusters


def equally_long(made: Sequence[Codes], real: Sequence[Codes]) -> tuple[list[Codes], list[Codes]]:
    """Pair texts by length rank and truncate the longer text of each pair."""
    pairs = zip(*(sorted(texts, key=len) for texts in (made, real)), strict=False)
    cut = [(one[: len(other)], other[: len(one)]) for one, other in pairs]
    return [one for one, _ in cut if len(one)], [other for one, other in cut if len(one)]


def text_metrics(
    made: Sequence[Codes], real: Sequence[Codes], scorer: "CausalScorer | None"
) -> Iterator[Metric | NotMeasured]:
    """Generative perplexity, unigram entropy, distinct n-grams and MAUVE.

    Args:
        made: Codes of generated texts.
        real: Codes of held-out texts of the same lengths.
        scorer: Autoregressive model that scores both; None: what needs it is not measured.
    """
    lengths = np.array([len(text) for text in made])
    tokens = f"{lengths.mean():.0f} tokens a text, as many of the held-out ones"
    entropies = [within_text_entropy(text) for text in made]
    if scorer is None:
        yield NotMeasured(GROUP, "generative perplexity", "needs an autoregressive judge: --control RUN")
    else:
        nats = scorer.nats(made)
        floor = float(np.exp(scorer.nats(real).sum() / lengths.sum()))
        value = float(np.exp(nats.sum() / lengths.sum()))
        error = ratio_error(nats, lengths)
        error = None if error is None else value * error  # of an exponential, by its slope
        note = f"judge: {scorer.name}; unigram entropy {np.mean(entropies):.2f} nats; {tokens}"
        yield Metric(GROUP, "generative perplexity", value, error, len(made), "", "lower", floor, note)
    floor = float(np.mean([within_text_entropy(text) for text in real]))
    value, error = float(np.mean(entropies)), mean_error(entropies)
    yield Metric(
        GROUP, "unigram entropy", value, error, len(made), "nats", "neither", floor, f"within a text; {tokens}"
    )
    for size in GRAMS:
        yield _distinct_metric(made, real, size)
    yield _mauve_metric(made, real, scorer)


def within_text_entropy(text: Codes) -> float:
    """Unigram entropy of the tokens within one text, in nats (as in https://arxiv.org/abs/2503.00307)."""
    _, counts = np.unique(text, return_counts=True)
    share = counts / counts.sum()
    return float(-(share * np.log(share)).sum()) + 0.0


def distinct(texts: Sequence[Codes], size: int) -> float:
    """Distinct n-grams over all n-grams, pooled over texts (https://arxiv.org/abs/1510.03055); NaN without any."""
    grams = [np.lib.stride_tricks.sliding_window_view(text, size) for text in texts if len(text) >= size]
    if not grams:
        return float("nan")
    every = np.concatenate(grams)
    return len(np.unique(every, axis=0)) / len(every)


def _distinct_metric(made: Sequence[Codes], real: Sequence[Codes], size: int) -> Metric | NotMeasured:
    name = f"distinct {size}-grams"
    lengths = [len(text) for text in made]
    if max(lengths) < size:
        return NotMeasured(GROUP, name, f"every sample is shorter than {size} tokens")

    def of(indices: Codes) -> float:
        return distinct([made[index] for index in indices], size)

    # a text drawn twice adds no distinct n-grams, so a bootstrap would be biased; a jackknife omits texts instead
    error = jackknife_error(of, len(made))
    note = "different n-grams of tokens over all, of all samples together"
    return Metric(GROUP, name, distinct(made, size), error, len(made), "", "higher", distinct(real, size), note)


def _mauve_metric(made: Sequence[Codes], real: Sequence[Codes], scorer: "CausalScorer | None") -> Metric | NotMeasured:
    if find_spec("mauve") is None:
        return NotMeasured(GROUP, "MAUVE", "the extra `evaluate` is not installed: pip install 'triptych[evaluate]'")
    if scorer is None:
        return NotMeasured(GROUP, "MAUVE", "needs a judge for the texts' features: --control RUN")
    if len(made) < FEWEST:
        return NotMeasured(GROUP, "MAUVE", f"says nothing of {len(made)} texts: --n {FEWEST}, better some thousands")
    mauve: Any = import_module("mauve")
    found = mauve.compute_mauve(p_features=scorer.states(real), q_features=scorer.states(made), seed=0, verbose=False)
    note = f"Pillutla et al. 2021; last states of {scorer.name}; biased by few texts: compare at equal n alone"
    return Metric(GROUP, "MAUVE", float(found.mauve), None, len(made), "", "higher", 1.0, note)
