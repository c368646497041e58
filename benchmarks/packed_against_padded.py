"""Training on packed rows against padding: tokens of samples a CPU second, forward and backward.

    python -m benchmarks.packed_against_padded DATASET [--preset 5m] [--rows 1] [--samples 8] [--turns 3] [--json]

ROWS rows of each group of the dataset are taken; then the same samples in the other ways, and in the same model:

- packed: the rows as they are;
- padded to the row: each sample in a row of its own, as long as a packed one, and one mask for the pairs of a row, as
  trainers have that know nothing of segments;
- padded to the row, spared: the same without a mask: attention takes the sample alone and passes over padding;
- padded to the longest, spared: SAMPLES samples at a time, in an order of chance, in rows as long as their longest.

Only tokens of samples count. There is no optimizer step, of which padded batches would take more for the same tokens.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
import numpy as np
import torch

from triptych.model.diffusion.corrupt import corrupt
from triptych.model.diffusion.loss import loss
from triptych.model.diffusion.noise_levels import RowPlacement
from triptych.model.network.attention import AttentionBackend
from triptych.model.network.init import initialise
from triptych.model.network.presets import shape_of
from triptych.model.network.slices import slice_table
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.mix import MixFile
from triptych.schemas.config.model import MaskedObjective, ModelConfig
from triptych.schemas.dataset.layout import ragged
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.vocabulary import Modality, Special, Vocabulary
from triptych.train.data.collate import Rows, collate, gather
from triptych.train.data.plan import Plan, make_plan
from triptych.train.data.row_order import RowOrder
from triptych.train.data.shard_cache import ShardCache
from triptych.train.data.shards import Shards

from .measure import cpu_seconds, show, spread

OBJECTIVE = MaskedObjective()


def planned(dataset: str, rows: int) -> Plan:
    """So many rows of each kind."""
    manifest = Dataset(dataset).manifest
    kinds = sorted({str(source.kind) for source in manifest.statistics.sources.values()})
    entries = [{"path": dataset, "weight": 1.0, "modality": kind} for kind in kinds]
    mix = MixFile.model_validate({"datasets": entries, "batch_tokens": rows * len(kinds) * manifest.row_length})
    return make_plan(mix, seed=0, steps=1)


def alone(rows: Rows, chosen: np.ndarray, length: int) -> Rows:
    """The chosen segments, each at the start of a row of its own of this length."""
    columns = {name: column[chosen] for name, column in rows.columns.items()}
    lengths, width = columns["length"].astype(np.int64), rows.tokens.shape[1]
    source = ragged(rows.row[chosen] * width + columns["start"], lengths)
    target = ragged(np.arange(len(chosen)) * length, lengths)

    def moved(matrix: np.ndarray, empty: int) -> np.ndarray:
        out = np.full((len(chosen), length), empty, matrix.dtype)
        out.reshape(-1)[target] = matrix.reshape(-1)[source]
        return out

    return replace(
        rows,
        tokens=moved(rows.tokens, int(Special.PAD)),
        segment=np.minimum(moved(rows.segment, 0), 1),
        modality=moved(rows.modality, int(Modality.SPECIAL)),
        number=rows.number[rows.row[chosen]],
        epoch=rows.epoch[rows.row[chosen]],
        row=np.arange(len(chosen)),
        document=rows.document[chosen],
        split_key=rows.split_key[chosen],
        columns=columns | {"start": np.zeros_like(columns["start"])},
    )


def split(rows: Rows, at_once: int) -> list[Rows]:
    """Micro-batches of so many rows."""
    return [rows.between(low, low + at_once) for low in range(0, len(rows.number), at_once)]


def ways(rows: Rows, samples: int) -> dict[str, tuple[AttentionBackend, list[Rows]]]:
    """How each way attends, and its micro-batches; all hold the same samples."""
    length = rows.tokens.shape[1]
    order = np.random.default_rng(0).permutation(len(rows.row))
    drawn = [order[low : low + samples] for low in range(0, len(order), samples)]
    longest = [alone(rows, some, int(rows.columns["length"][some].max())) for some in drawn]
    padded = split(alone(rows, order, length), 1)
    return {
        "packed": ("split", split(rows, 1)),
        "padded to the row": ("dense", padded),
        "padded to the row, spared": ("split", padded),
        "padded to the longest, spared": ("split", longest),
    }


def train(model: Transformer, vocabulary: Vocabulary, micros: Sequence[Rows]) -> None:
    """Forward and backward of all of them."""
    table = slice_table(vocabulary)
    for rows in micros:
        places = RowPlacement(0, torch.arange(len(rows.number)), len(rows.number))
        noised = corrupt(collate(rows, table), OBJECTIVE, model.slices, 0, places)
        loss(model, noised, OBJECTIVE).loss.backward()
    model.zero_grad()


def made_models(preset: str, vocabulary: Vocabulary) -> dict[AttentionBackend, Transformer]:
    """The same model once for each way that it attends in."""
    shape = shape_of(ModelConfig.model_validate({"preset": preset}))
    models: dict[AttentionBackend, Transformer] = {
        way: Transformer(shape, vocabulary, attention=way) for way in ("split", "dense")
    }
    for model in models.values():
        initialise(model, 0)
    return models


@click.command()
@click.argument("dataset")
@click.option("--preset", default="5m", show_default=True)
@click.option("--rows", default=1, show_default=True, help="Packed rows of each kind of sample.")
@click.option("--samples", default=8, show_default=True)
@click.option("--turns", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(dataset: str, preset: str, rows: int, samples: int, turns: int, as_json: bool) -> None:
    """Take the same samples of DATASET in three ways."""
    torch.set_num_threads(1)
    plan = planned(dataset, rows)
    given = gather(Shards(plan, ShardCache(Path("unused"), 0)), RowOrder(plan).between(0, plan.rows))
    tokens = int(given.columns["length"].sum())
    models = made_models(preset, plan.vocabulary)
    made = ways(given, samples)
    rates: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(turns):
        for name, (way, micros) in made.items():
            spent = cpu_seconds(partial(train, models[way], plan.vocabulary, micros))
            rates[name].append(tokens / spent)
    figures = {f"{name}, tokens a CPU second": values for name, values in rates.items()}
    for name in list(made)[1:]:
        figures[f"packed over {name}"] = [a / b for a, b in zip(rates["packed"], rates[name], strict=True)]
    places = {name: sum(micro.tokens.size for micro in micros) for name, (_, micros) in made.items()}
    lengths = given.columns["length"]
    facts = {
        "samples": f"{len(lengths)}, {tokens:,} tokens, lengths {lengths.min()} to {lengths.max()}",
        "share of places that are tokens": {name: f"{tokens / count:.1%}" for name, count in places.items()},
        "preset": preset,
    }
    show("Packed against padded", {name: spread(values) for name, values in figures.items()}, facts, as_json)


if __name__ == "__main__":
    main()
