"""Two small models of characters, masked and autoregressive, equal in size, data and steps; for three_estimators.py.

Text is filtered as text8 was: letters in lower case, digits by name, all else one space; 27 symbols. Whole documents
are held out. A step takes rows that begin anywhere in the text (all overlapping windows, as MD4 trains on text8).
Objective, noise, optimizer rules, schedule and the mean of the weights are the trainer's own.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import torch

from triptych.model.diffusion.batch import Batch
from triptych.model.diffusion.corrupt import corrupt
from triptych.model.diffusion.loss import loss
from triptych.model.diffusion.noise_levels import RowPlacement
from triptych.model.network.export import load_model, save_model
from triptych.model.network.init import initialise
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import AutoregressiveObjective, MaskedObjective, ModelConfig, ObjectiveConfig
from triptych.schemas.config.training import EmaConfig, OptimizerConfig
from triptych.schemas.vocabulary import Vocabulary
from triptych.train.optim.batch_scaling import scaled_settings
from triptych.train.optim.ema import Ema
from triptych.train.optim.lr_schedule import lr_factor
from triptych.train.optim.optimizer import make_optimizer, set_lr

from .objective_variance import texts
from .texts import read_texts

SYMBOLS = " abcdefghijklmnopqrstuvwxyz"
VOCABULARY = Vocabulary(text=len(SYMBOLS))
MODEL = ModelConfig(depth=4, width=128, base_width=128, head_bias=False)
OPTIMIZER = OptimizerConfig(kind="adamw", lr=3e-3, weight_decay=0.0, warmup=200)
MASKED, EMBEDDING_STD = MaskedObjective(weighting="bound"), 0.02  # the published figures are of AdamW on the bound
LENGTH, ROWS = 128, 16
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TRIED = 20  # steps that are timed to know how many there will be


class Corpus(NamedTuple):
    """Symbols, int64 (characters,), of documents that are trained on and of those that are not."""

    train: torch.Tensor
    test: torch.Tensor


def text8(text: str) -> str:
    """A text through the filter of text8."""
    named = re.sub("[0-9]", lambda digit: f" {DIGITS[int(digit[0])]} ", text.lower())
    return re.sub("[^a-z]+", " ", named)


def corpus(files: Sequence[str], megabytes: float) -> Corpus:
    """Every twentieth document is for the test."""
    documents = [text8(text) for text in read_texts(files, megabytes, 500, 100_000)]
    sides = [[text for n, text in enumerate(documents) if (n % 20 == 0) == test] for test in (False, True)]
    train, test = (torch.from_numpy(_symbols(" ".join(side))) for side in sides)
    return Corpus(train, test)


def _symbols(text: str) -> np.ndarray:
    letters = np.frombuffer(text.encode(), np.uint8).astype(np.int64)
    return np.where(letters == ord(" "), 0, letters - ord("a") + 1)


def window_batch(corpus: torch.Tensor, step: int) -> Batch:
    """The rows of a step, wherever they begin; the same for both models."""
    generator = torch.Generator().manual_seed(step)
    start = torch.randint(len(corpus) - LENGTH, (ROWS, 1), generator=generator)
    batch = texts(corpus[start + torch.arange(LENGTH)])
    return replace(batch, row_B=batch.row_B + step * ROWS)


def train(objective: ObjectiveConfig, corpus: torch.Tensor, steps: int, folder: Path) -> None:
    """Train from scratch and export the mean of the weights; what is in the folder already is left as it is."""
    if folder.exists():
        return
    model = Transformer(shape_of(MODEL), VOCABULARY)
    initialise(model, 0, EMBEDDING_STD)
    optimizer = make_optimizer(model, scaled_settings(OPTIMIZER, ROWS * LENGTH, steps))
    ema = Ema(model, EmaConfig(), steps)
    spent, held = time.process_time(), 0.0
    for step in range(steps):
        held += _step(model, objective, window_batch(corpus, step), step)
        torch.nn.utils.clip_grad_norm_(model.parameters(), OPTIMIZER.clip)
        set_lr(optimizer, lr_factor(OPTIMIZER, step, steps))
        optimizer.step()
        optimizer.zero_grad()
        ema.update(model, step)
        if (step + 1) % 200 == 0:
            click.echo(f"{objective.kind} {step + 1}/{steps}: {held / 200 / np.log(2):.3f} bits a character", err=True)
            held = 0.0
    click.echo(f"{objective.kind}: {time.process_time() - spent:.0f} s of CPU time", err=True)
    with ema.swapped(model):
        save_model(folder, dict(model.named_parameters()), model.shape, VOCABULARY, objective.kind)


def _step(model: Transformer, objective: ObjectiveConfig, batch: Batch, step: int) -> float:
    corrupted = corrupt(batch, objective, model.slices, 0, RowPlacement(step, torch.arange(ROWS), ROWS))
    value = loss(model, corrupted, objective).loss / corrupted.targets
    value.backward()
    return float(value.detach())


def steps_in(minutes: float, corpus: torch.Tensor) -> int:
    """Steps of the masked model in so many minutes of CPU time: others on the machine make no difference."""
    model = Transformer(shape_of(MODEL), VOCABULARY)
    initialise(model, 0, EMBEDDING_STD)
    start = time.process_time()
    for step in range(TRIED):
        _step(model, MASKED, window_batch(corpus, step), step)
    return int(minutes * 60 * TRIED / (time.process_time() - start))


def both(corpus: torch.Tensor, minutes: float, folder: Path) -> dict[str, Transformer]:
    """The masked model and its control, trained one after the other for as many steps, or as they lie in `folder`."""
    objectives: dict[str, ObjectiveConfig] = {
        "masked": MASKED,
        "autoregressive": AutoregressiveObjective(kind="autoregressive"),
    }
    if not all((folder / kind).exists() for kind in objectives):
        steps = steps_in(minutes, corpus)
        for kind, objective in objectives.items():
            train(objective, corpus, steps, folder / kind)
    return {kind: load_model(folder / kind).model for kind in objectives}
