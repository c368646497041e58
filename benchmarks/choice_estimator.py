"""Multiple choice by a masked model: error of a decision for so many forward passes, against LLaDA's estimator.

    python -m benchmarks.choice_estimator RUN --suite DIR [--questions 32] [--json]

A decision hangs on how candidates differ, so the error is that of a candidate's nats less the mean of its question's:
the root of the mean square over candidates and repeats. LLaDA's estimator scores each candidate by itself, by 128
exact-k masks; as its `get_log_likelihood.py` draws them, the ks of a batch of 32 are evenly spaced from a random first
one (`systematic`). With every k drawn by itself (`independent`) it is the textbook's. Questions are those of ARC easy.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path

import click
import torch

from triptych.model.sampling.canvas import Canvas
from triptych.train.evaluate.likelihood.answers import answer_canvas, answer_windows
from triptych.train.evaluate.likelihood.benchmark_files import arc
from triptych.train.evaluate.likelihood.benchmarks import evenly_spaced, longest_text
from triptych.train.evaluate.likelihood.bound import bound
from triptych.train.evaluate.likelihood.reader import ModelReader, chunks, target_ranks
from triptych.train.generate.generator import Generator

from .measure import machine

PEER = 128  # passes of LLaDA's estimator
BATCH = 32
PASSES = (4, 8, 16, 32, 40)


def llada(reader: ModelReader, canvas: Canvas, systematic: bool, seed: int) -> torch.Tensor:
    """Nats (S,) of each candidate by one batch of masks, whose ks are evenly spaced or drawn each by itself."""
    generator = torch.Generator().manual_seed(seed)
    n_S, _ = target_ranks(canvas)
    segments = len(n_S)
    first_SB = (torch.rand(segments, 1 if systematic else BATCH, generator=generator) * n_S[:, None]).floor() + 1
    spaced_SB = first_SB + systematic * torch.arange(BATCH) * (n_S / BATCH)[:, None]
    k_P = ((spaced_SB.round() - 1) % n_S[:, None] + 1).flatten()
    segment_P = torch.arange(segments).repeat_interleave(BATCH)
    estimate_P = torch.zeros(len(segment_P), dtype=torch.float64)
    for mine, copy, _ in chunks(canvas, segment_P):
        draw_T = torch.where(copy.target_T, torch.rand(len(copy.target_T), generator=generator), 2.0) + 3 * copy.index_T
        length_P = torch.bincount(copy.index_T)
        rank_T = draw_T.argsort().argsort() - (length_P.cumsum(0) - length_P)[copy.index_T]
        query_T = copy.target_T & (rank_T < k_P[mine][copy.index_T])
        index_N, answers = reader(copy, query_T, query_T)
        nats_P = torch.zeros(len(length_P), dtype=torch.float64).index_add_(0, index_N, answers.nats_N.double())
        estimate_P[mine] = nats_P * n_S[segment_P[mine]] / k_P[mine]
    return estimate_P.view(segments, BATCH).mean(1)


def error(draw: Callable[[int], torch.Tensor], question_S: torch.Tensor, repeats: int) -> float:
    """Root mean square error of what decides, by repeats."""
    drawn_RS = torch.stack([draw(seed) for seed in range(repeats)])
    count_Q = torch.bincount(question_S)
    mean_RQ = torch.zeros(repeats, len(count_Q), dtype=torch.float64).index_add_(1, question_S, drawn_RS) / count_Q
    margin_RS = drawn_RS - mean_RQ[:, question_S]
    return math.sqrt(float(margin_RS.var(0).mean()))


@click.command()
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("--suite", required=True, type=click.Path(exists=True, path_type=Path), help="Has arc_easy_test.jsonl.")
@click.option("--questions", default=32, show_default=True)
@click.option("--repeats", default=8, show_default=True, help="Of every estimator.")
@click.option("--json", "as_json", is_flag=True)
def main(run: Path, suite: Path, questions: int, repeats: int, as_json: bool) -> None:
    """Measure both on the questions, and the passes that LLaDA's needs for the same error."""
    generator = Generator.open(run)
    reader = ModelReader.of(generator.exported)
    choices = evenly_spaced(arc(suite / "arc_easy_test.jsonl"), questions)
    pairs = [pair for choice in choices for pair in choice.pairs]
    question_S = torch.tensor([number for number, choice in enumerate(choices) for _ in choice.pairs])
    windows = answer_windows(pairs, generator.bundle.text, longest_text(generator))
    canvas = answer_canvas(windows, generator.vocabulary, question_S.tolist())
    question_S = question_S[torch.from_numpy(windows.pair_W)]
    # a batch stands for itself: the estimate by 128 passes is a mean of independent ones
    share = math.sqrt(BATCH / PEER)
    peers = {
        "LLaDA, systematic k": share * error(lambda seed: llada(reader, canvas, True, seed), question_S, repeats),
        "LLaDA, independent k": share * error(lambda seed: llada(reader, canvas, False, seed), question_S, repeats),
    }
    lines: dict[str, dict[str, float]] = {name: {"passes": PEER, "error": value} for name, value in peers.items()}
    for passes in PASSES:
        spent = bound(reader, canvas, passes).passes / len(pairs)
        value = error(lambda seed, n=passes: bound(reader, canvas, n, seed).nats_S, question_S, repeats)  # type: ignore[misc]
        times = {name: PEER * (peer / value) ** 2 / spent for name, peer in peers.items()}
        lines[f"common, evenly spread, complements: {passes}"] = {"passes": spent, "error": value, **times}
    if as_json:
        click.echo(json.dumps({"machine": machine(), "candidates": len(pairs), "figures": lines}))
        return
    click.echo(f"{len(pairs)} candidates of {questions} questions, {repeats} repeats; {machine()}")
    for name, line in lines.items():
        fewer = "; ".join(f"{line[peer]:.1f} times fewer passes than {peer}" for peer in peers if peer in line)
        click.echo(f"{name:40}  {line['passes']:6.1f} passes  error {line['error']:.3f} nats  {fewer}")


if __name__ == "__main__":
    main()
