"""Text benchmarks from a folder, each file as its authors publish it; files that are not there are skipped.

arc_easy_test.jsonl, arc_challenge_test.jsonl   ARC: the candidates of a question after "Answer:" BLiMP.zip
pairs of sentences, one of which is grammatical lambada_test.jsonl                              the last word of a
passage wikitext2_test.txt                              bits per byte of running text

Nothing is tuned on them, so test files are evaluated only once.
"""

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from ....schemas.errors import Refusal
from ....schemas.vocabulary import Modality
from ..report.metric import Metric
from ..standard_errors import mean_error, ratio_error
from .bound import PASSES, chain_rule
from .multiple_choice import Question, chance_accuracy, score_questions
from .reader import ModelReader
from .rolling import rolling_nats, split_windows
from .text_segments import canvas_of_pairs

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


def benchmark_metrics(
    generator: "Generator", folder: str | Path, limit: int | None = None, passes: int = PASSES, seed: int = 0
) -> list[Metric]:
    """Figures of all benchmarks in a folder.

    Args:
        generator: Run to evaluate.
        folder: Folder of benchmark files.
        limit: Largest number of items of each benchmark, spread evenly over its file; None: all.
        passes: Passes per segment of the likelihood bound.
        seed: Seed of its masks.

    Raises:
        Refusal: If the folder holds no benchmark.
    """
    context = BenchmarkContext(
        generator, ModelReader.of(generator.exported), longest_text(generator), limit, passes, seed
    )
    there = [(Path(folder) / name, measure) for name, measure in BENCHMARKS.items() if (Path(folder) / name).is_file()]
    if not there:
        raise Refusal(f"{folder}: holds no benchmark. It may have {', '.join(BENCHMARKS)}.")
    return [row for path, measure in there for row in measure(path, context)]


def longest_text(generator: "Generator") -> int:
    """Tokens of the longest text that the run was trained on, with task token, at most LONGEST."""
    return min(LONGEST, generator.lengths.longest(Modality.TEXT) + 1)


def arc(path: Path) -> list[Question]:
    """Read ARC's JSON lines."""
    questions = []
    for item in _lines(path):
        context = f"Question: {item['question']}\nAnswer:"
        pairs = tuple((context, f" {text}") for text in item["choices"]["text"])
        questions.append(Question(pairs, item["choices"]["label"].index(item["answerKey"])))
    return questions


def blimp(path: Path) -> list[Question]:
    """Read BLiMP's archive, one paradigm after another; whole sentences are compared."""
    with zipfile.ZipFile(path) as archive:
        # beside `data`, the archive holds a metadata folder of macOS
        names = sorted(name for name in archive.namelist() if name.startswith("data/") and name.endswith(".jsonl"))
        items = [json.loads(line) for name in names for line in archive.read(name).splitlines()]
    return [Question((("", item["sentence_good"]), ("", item["sentence_bad"])), 0) for item in items]


def lambada(path: Path) -> list[tuple[str, str]]:
    """Read passages without their last word, and that word with the space before it."""
    cuts = [(item["text"], item["text"].rindex(" ")) for item in _lines(path)]
    return [(text[:at], text[at:]) for text, at in cuts]


def evenly_spaced(items: Sequence[Item], limit: int | None) -> list[Item]:
    """At most `limit` items, spread evenly over all of them."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[number * len(items) // limit] for number in range(limit)]


def _multiple_choice_metrics(
    name: str, read: Callable[[Path], list[Question]], by_byte: bool
) -> Callable[..., Iterator[Metric]]:
    def rows(path: Path, context: BenchmarkContext) -> Iterator[Metric]:
        generator, questions = context.generator, evenly_spaced(read(path), context.limit)
        tokenizer, reader = generator.bundle.text, context.reader
        chosen = score_questions(
            reader, tokenizer, generator.vocabulary, questions, context.longest, context.passes, context.seed
        )
        floor, note = chance_accuracy(questions), f"{_how(context)}; the floor is chance"
        yield _accuracy(name, chosen.total, floor, note)
        if by_byte:
            yield _accuracy(f"{name}, likelihood a byte", chosen.by_byte, floor, note)

    return rows


def _lambada_metrics(path: Path, context: BenchmarkContext) -> Iterator[Metric]:
    generator, pairs = context.generator, evenly_spaced(lambada(path), context.limit)
    canvas = canvas_of_pairs(pairs, generator.bundle.text, generator.vocabulary, context.longest, range(len(pairs)))
    done = chain_rule(context.reader, canvas)
    assert done.greedy_S is not None
    how = "last word, token by token from left to right"
    yield _accuracy("LAMBADA", done.greedy_S.double().numpy(), None, how)
    nats = done.nats_S.numpy()
    error, perplexity = mean_error(nats), exp(min(float(nats.mean()), 700.0))
    yield Metric(
        GROUP, "LAMBADA", perplexity, error and error * perplexity, len(nats), "perplexity a word", "lower", note=how
    )


def _wikitext_metrics(path: Path, context: BenchmarkContext) -> Iterator[Metric]:
    generator, tokenizer = context.generator, context.generator.bundle.text
    windows = evenly_spaced(
        split_windows(tokenizer, [path.read_text(encoding="utf-8")], context.longest).codes, context.limit
    )
    nats = rolling_nats(context.reader, generator.vocabulary, windows, context.passes, context.seed)
    sizes = np.array([int(tokenizer.token_bytes[window].sum()) for window in windows])
    counts = np.array([len(window) for window in windows])
    note = f"{_how(context)}; windows of at most {context.longest} tokens"
    bits = nats / log(2)
    value, error = float(bits.sum() / sizes.sum()), ratio_error(bits, sizes)
    yield Metric(GROUP, "WikiText-2", value, error, len(windows), "bits per byte", "lower", note=note)
    mean, error = float(nats.sum() / counts.sum()), ratio_error(nats, counts)
    unit = "perplexity a token"
    yield Metric(GROUP, "WikiText-2", exp(mean), error and error * exp(mean), len(windows), unit, "lower", note=note)


def _accuracy(name: str, won: npt.NDArray[np.float64], floor: float | None, note: str) -> Metric:
    return Metric(GROUP, name, float(won.mean()), mean_error(won), len(won), "accuracy", "higher", floor, note)


def _how(context: BenchmarkContext) -> str:
    return "exact likelihood" if context.reader.causal else f"bound by {context.passes} passes"


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


BENCHMARKS: dict[str, Callable[[Path, BenchmarkContext], Iterator[Metric]]] = {
    "arc_easy_test.jsonl": _multiple_choice_metrics("ARC easy", arc, by_byte=True),
    "arc_challenge_test.jsonl": _multiple_choice_metrics("ARC challenge", arc, by_byte=True),
    "BLiMP.zip": _multiple_choice_metrics("BLiMP", blimp, by_byte=False),
    "lambada_test.jsonl": _lambada_metrics,
    "wikitext2_test.txt": _wikitext_metrics,
}
