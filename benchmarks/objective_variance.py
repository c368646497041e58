"""How noisy one step's loss is, by estimator, at the same number of forward passes; and its gradient.

    python -m benchmarks.objective_variance [--repeats 300] [--gradients] [--json]

The loss: synthetic cross-entropies, d (1/4 + 3/4 m) at a masked share m, with a difficulty d of each token from a gamma
distribution of shape 4; the true sum is known. Masks, levels and weights are the trainer's own. The gradients: those of
a small transformer, trained for a moment on a Markov source.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import click
import torch

from triptych.model.diffusion.batch import Batch
from triptych.model.diffusion.corrupt import noised
from triptych.model.diffusion.loss import loss
from triptych.model.diffusion.noise_levels import RowPlacement, stratified_levels
from triptych.model.diffusion.noised_batch import Corruption, assemble
from triptych.model.network.init import initialise
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import MaskedObjective, ModelConfig
from triptych.schemas.vocabulary import Kind, Modality, Special, Vocabulary

from .measure import show, spread

SIZES = ((16, 16), (256, 16), (1024, 64))  # tokens of a segment, segments of a batch


@dataclass(frozen=True)
class Estimator:
    """An objective, and whether its levels are spread over the batch or drawn independently."""

    objective: MaskedObjective
    spread: bool = True

    def corruption(self, batch: Batch, step: int) -> Corruption:
        """One step's masks and weights."""
        rows = len(batch.row_B)
        batch = replace(batch, epoch_B=torch.full((rows,), step))
        nothing = torch.zeros(rows, dtype=torch.int64)
        level = torch.rand(rows, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
        if self.spread:
            level = stratified_levels(batch, RowPlacement(step, torch.arange(rows), rows), seed=0)
        return noised(batch, self.objective, 0, nothing, nothing.bool(), level)


BERNOULLI, EXACT = MaskedObjective(estimator="bernoulli"), MaskedObjective()
ESTIMATORS = {
    "Bernoulli, independent": Estimator(BERNOULLI, spread=False),
    "Bernoulli, stratified": Estimator(BERNOULLI),
    "Bernoulli, stratified, complement": Estimator(BERNOULLI.model_copy(update={"anti_masking": True})),
    "exact-k, independent": Estimator(EXACT, spread=False),
    "exact-k, stratified": Estimator(EXACT),
    "exact-k, stratified, complement": Estimator(EXACT.model_copy(update={"anti_masking": True})),
    "exact-k, stratified, cosine": Estimator(EXACT.model_copy(update={"schedule": "cosine"})),
    "exact-k, stratified, t²": Estimator(EXACT.model_copy(update={"schedule": "polynomial"})),
}


def texts(tokens: torch.Tensor) -> Batch:
    """Rows of one text each, ids counted from 0, without an end."""
    rows, length = tokens.shape
    none = torch.zeros(rows, dtype=torch.int64)
    modality = torch.full((rows, length + 1), int(Modality.TEXT), dtype=torch.uint8)
    modality[:, 0] = Modality.SPECIAL
    slots = torch.full((rows, 1), int(Special.TASK))
    return Batch(
        tokens_BL=torch.cat((slots, tokens + 256), 1),
        segment_BL=torch.ones(rows, length + 1, dtype=torch.int32),
        modality_BL=modality,
        position_BL=torch.arange(length + 1, dtype=torch.int32).expand(rows, -1),
        slice_BL=modality.short(),
        epoch_B=none,
        row_B=torch.arange(rows),
        row_S=torch.arange(rows),
        number_S=none + 1,
        start_S=none,
        length_S=none + length + 1,
        kind_S=torch.full((rows,), Kind.TEXT.code, dtype=torch.uint8),
        source_S=none.int(),
        text_bytes_S=none,
        pixels_S=none,
        samples_S=none,
    )


def losses(estimator: Estimator, length: int, rows: int, steps: range) -> torch.Tensor:
    """A batch's estimated loss over the true one, in each step."""
    rows //= estimator.objective.copies
    torch.manual_seed(length)
    difficulty = torch.nn.functional.pad(torch.distributions.Gamma(4.0, 4.0).sample((rows, length)).double(), (1, 0))
    batch = texts(torch.zeros(rows, length, dtype=torch.int64))
    truth = float(difficulty.sum()) * (0.25 + 0.75 * (length + 1) / (2 * length))
    estimates = []
    for step in steps:
        corruption = estimator.corruption(batch, step)
        asked = corruption.query_CT.view(-1, rows, length + 1).double()
        share = asked.sum(-1) / length
        estimates.append(
            float((corruption.weight_CS * (0.25 + 0.75 * share) * (asked * difficulty).sum(-1)).sum()) / truth
        )
    return torch.tensor(estimates)


def markov(rows: int, length: int) -> torch.Tensor:
    """Rows of a chain over 32 states."""
    torch.manual_seed(0)
    chain = torch.distributions.Dirichlet(torch.full((32,), 0.1)).sample((32,))
    states = [torch.randint(32, (rows,))]
    for _ in range(length - 1):
        states.append(torch.multinomial(chain[states[-1]], 1)[:, 0])
    return torch.stack(states, 1)


def gradients(model: Transformer, estimator: Estimator, data: torch.Tensor, repeats: int) -> Iterator[torch.Tensor]:
    """The gradient of one batch's loss, under fresh noise each time."""
    batch = texts(data[: len(data) // estimator.objective.copies])
    for step in range(repeats):
        out = assemble(batch, model.slices, estimator.corruption(batch, step))
        model.zero_grad()
        (loss(model, out, estimator.objective).loss / out.targets).backward()
        yield torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def gradient_noise(repeats: int, length: int = 64, rows: int = 16) -> dict[str, float]:
    """Standard deviation of a batch's gradient over its norm, noise alone, by estimator."""
    model = Transformer(shape_of(ModelConfig(depth=2, width=64)), Vocabulary(text=32))
    initialise(model, 0)
    data = markov(rows * 200, length)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for step in range(200):
        next(gradients(model, ESTIMATORS["exact-k, stratified"], data[step * rows : (step + 1) * rows], 1))
        optimizer.step()
    noise = {}
    for name, estimator in ESTIMATORS.items():
        drawn = torch.stack(list(gradients(model, estimator, data[:rows], repeats)))
        mean = drawn.mean(0)
        noise[name] = float((drawn - mean).norm() / math.sqrt(repeats - 1) / mean.norm())
    return noise


@click.command()
@click.option("--repeats", default=300, show_default=True, help="Steps of each estimator, in three groups.")
@click.option("--gradients", "draws", default=0, show_default=True, help="Draws of each estimator's gradient.")
@click.option("--json", "as_json", is_flag=True)
def main(repeats: int, draws: int, as_json: bool) -> None:
    """Relative standard deviation of a step's loss in percent, the spread over three groups of steps."""
    facts: dict[str, object] = {"steps": repeats}
    figures = {}
    for length, rows in SIZES:
        first = 0.0
        for name, estimator in ESTIMATORS.items():
            values = losses(estimator, length, rows, range(repeats))
            deviation, off = float(values.std()), float(values.mean() - 1)
            first = first or deviation
            title = f"{rows} × {length}: {name}"
            figures[title] = spread([100 * float(group.std()) for group in values.chunk(3)])
            error = deviation / math.sqrt(repeats)
            facts[title] = f"{first / deviation:.1f} times less than the first; its mean {off / error:+.1f} errors off"
    if draws:
        facts |= {f"gradient: {name}": f"{noise:.2f} of its norm" for name, noise in gradient_noise(draws).items()}
    show("Noise of one step's loss, %", figures, facts, as_json)


if __name__ == "__main__":
    main()
