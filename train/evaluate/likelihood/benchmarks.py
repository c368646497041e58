"""Text benchmarks from a folder, each file as its authors publish it; files that are not there are skipped.

    arc_easy_test.jsonl, arc_challenge_test.jsonl   ARC: the candidates of a question after "Answer:"
    BLiMP.zip                                       pairs of sentences, one of which is grammatical
    lambada_test.jsonl                              the last word of a passage
    wikitext2_test.txt                              bits per byte of running text

Nothing is tuned on them, so test files are evaluated only once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from ....schemas.errors import Refusal
from ....schemas.vocabulary import Modality
from ..report.metric import Metric
from ..standard_errors import mean_error, ratio_error, wilson_interval
from .answers import answer_windows, score_answers, window_note
from .benchmark_files import arc, blimp, lambada, running_text
from .bound import PASSES, chain_rule
from .multiple_choice import Question, chance_accuracy, score_questions
from .reader import ModelReader
from .rolling import rolling_nats, split_windows, window_bytes

if TYPE_CHECKING:
    from ...generate.generator import Generator

GROUP = "benchmarks"
LONGEST = 1024  # tokens of a question or window; fewer if the run was trained on shorter texts
Item = TypeVar("Item")


@dataclass(frozen=True)
class BenchmarkContext:
    """What all benchmarks use."""

    generator: "Generator"
    reader: ModelReader
    longest: int  # tokens of a segment
    limit: int | None  # largest number of items of each benchmark
    passes: int
    seed: int


@dataclass(frozen=True)
class Benchmark:
    """A benchmark file, and what is measured on it."""

    name: str
    measure: Callable[[Path, BenchmarkContext], Iterator[Metric]]


def benchmark_files(folder: str | Path) -> dict[Path, Benchmark]:
    """The benchmarks of a folder; raises Refusal if it holds none."""
    there = {Path(folder) / file: one for file, one in BENCHMARKS.items() if (Path(folder) / file).is_file()}
    if not there:
        raise Refusal(f"{folder}: holds no benchmark. It may have {', '.join(BENCHMARKS)}.")
    return there


def benchmark_context(
    generator: "Generator", limit: int | None = None, passes: int = PASSES, seed: int = 0
) -> BenchmarkContext:
    """What all benchmarks use.

    Args:
        generator: Run to evaluate.
        limit: Largest number of items of each benchmark, spread evenly over its file; None: all.
        passes: Passes per segment of the likelihood bound.
        seed: Seed of its masks.
    """
    return BenchmarkContext(generator, ModelReader.of(generator.exported), longest_text(generator), limit, passes, seed)


def longest_text(generator: "Generator") -> int:
    """Tokens of the longest text that the run was trained on, with task token, at most LONGEST."""
    return min(LONGEST, generator.lengths.longest(Modality.TEXT) + 1)


def evenly_spaced(items: Sequence[Item], limit: int | None) -> list[Item]:
    """At most `limit` items, spread evenly over all of them."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[number * len(items) // limit] for number in range(limit)]


def _multiple_choice(name: str, read: Callable[[Path], list[Question]], by_byte: bool) -> Benchmark:
    def rows(path: Path, context: BenchmarkContext) -> Iterator[Metric]:
        generator, questions = context.generator, evenly_spaced(read(path), context.limit)
        tokenizer, reader = generator.bundle.text, context.reader
        chosen = score_questions(
            reader, tokenizer, generator.vocabulary, questions, context.longest, context.passes, context.seed
        )
        floor, note = chance_accuracy(questions), _notes(_how(context), "the reference is chance", chosen.note)
        yield _accuracy(name, chosen.total, floor, note)
        if by_byte:
            yield _accuracy(f"{name}, likelihood a byte", chosen.by_byte, floor, note)

    return Benchmark(name, rows)


def _lambada_metrics(path: Path, context: BenchmarkContext) -> Iterator[Metric]:
    generator, pairs = context.generator, evenly_spaced(lambada(path), context.limit)
    windows = answer_windows(pairs, generator.bundle.text, context.longest)
    keys = range(len(pairs))
    done = score_answers(lambda canvas: chain_rule(context.reader, canvas), windows, generator.vocabulary, keys)
    assert done.greedy_S is not None
    how = _notes("last word, token by token from left to right", window_note(windows, context.longest))
    yield _accuracy("LAMBADA", done.greedy_S.astype(np.float64), None, how)
    error, perplexity = mean_error(done.nats_S), exp(min(float(done.nats_S.mean()), 700.0))
    yield Metric(
        GROUP, "LAMBADA", perplexity, error and error * perplexity, len(pairs), "perplexity a word", "lower", note=how
    )


def _wikitext_metrics(path: Path, context: BenchmarkContext) -> Iterator[Metric]:
    generator, tokenizer, text = context.generator, context.generator.bundle.text, running_text(path)
    every = split_windows(tokenizer, [text], context.longest).codes
    if not every:
        raise Refusal(f"{path}: the tokenizer of the run finds no token in it. Give another text.")
    chosen = evenly_spaced(list(zip(every, window_bytes(tokenizer, every, text).tolist(), strict=True)), context.limit)
    windows, sizes = [codes for codes, _ in chosen], np.array([size for _, size in chosen])
    nats = rolling_nats(context.reader, generator.vocabulary, windows, context.passes, context.seed)
    counts = np.array([len(window) for window in windows])
    some = "bytes by the windows' share of the file's tokens" if len(windows) < len(every) else ""
    note = _notes(_how(context), f"windows of at most {context.longest} tokens that do not overlap", some)
    bits = nats / log(2)
    value, error = float(bits.sum() / sizes.sum()), ratio_error(bits, sizes)
    yield Metric(GROUP, "WikiText-2", value, error, len(windows), "bits per byte", "lower", note=note)
    mean, error = float(nats.sum() / counts.sum()), ratio_error(nats, counts)
    unit, perplexity = "perplexity a token", exp(min(mean, 700.0))
    yield Metric(GROUP, "WikiText-2", perplexity, error and error * perplexity, len(windows), unit, "lower", note=note)


def _accuracy(name: str, won: npt.NDArray[np.float64], floor: float | None, note: str) -> Metric:
    value, interval = float(won.mean()), wilson_interval(float(won.sum()), len(won))
    return Metric(GROUP, name, value, mean_error(won), len(won), "accuracy", "higher", floor, note, interval)


def _how(context: BenchmarkContext) -> str:
    return "exact likelihood" if context.reader.causal else f"bound by {context.passes} passes"


def _notes(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


BENCHMARKS: dict[str, Benchmark] = {
    "arc_easy_test.jsonl": _multiple_choice("ARC easy", arc, by_byte=True),
    "arc_challenge_test.jsonl": _multiple_choice("ARC challenge", arc, by_byte=True),
    "BLiMP.zip": _multiple_choice("BLiMP", blimp, by_byte=False),
    "lambada_test.jsonl": Benchmark("LAMBADA", _lambada_metrics),
    "wikitext2_test.txt": Benchmark("WikiText-2", _wikitext_metrics),
}
