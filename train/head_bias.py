"""The initial bias of the head: the log of how often each token is a target, in the first rows that a run trains on.

With it a new model starts at the unigram entropy of each modality and codebook instead of at the log of the number of
its codes, and need not learn from few targets how rare the rare ones are (Karpathy 2019,
https://karpathy.github.io/2019/04/25/recipe/, "init well"). Tasks are drawn as in training, since a mix may hold many
captions of which few are predicted.
"""

import numpy as np
import torch

from ..model.diffusion.corrupt import target_counts
from ..model.network.slices import Slices, slice_table
from ..model.network.transformer import Transformer
from ..schemas.config.training import TrainConfig
from .data.collate import collate, gather, keep_segments
from .data.plan import Plan
from .data.row_order import RowOrder
from .data.shards import Shards
from .data.split import is_held_out
from .distributed.parallel import set_value
from .distributed.process_group import ProcessGroup

COUNTED = 1 << 20  # tokens
AT_ONCE = 1 << 16
PRIOR = 0.5  # added to each count


def set_head_bias(model: Transformer, plan: Plan, shards: Shards, config: TrainConfig, process: ProcessGroup) -> None:
    """Set the bias of a new model's head, if it has one; rank 0 counts for all processes.

    Raises:
        Refusal: The rows could not be read.
    """
    if model.head.bias is not None:
        counts = process.on_first(lambda: counted_targets(plan, shards, config))
        set_value(model.head.bias, log_frequencies(counts, model.slices))


def counted_targets(plan: Plan, shards: Shards, config: TrainConfig) -> torch.Tensor:
    """Counts of the targets in the first rows of a run, int64, one a class of the head; held-out segments left out.

    A run that reads less than is stored has the counts of more rows than it reads: few rows would miss rare tokens.
    """
    order, table, slices = RowOrder(plan), slice_table(plan.vocabulary), Slices.of(plan.vocabulary)
    total = torch.zeros(sum(slices.widths), dtype=torch.int64)
    stored = sum(stream.rows for stream in plan.streams)
    rows = min(-(-COUNTED // plan.row_length), max(plan.steps * plan.rows, stored))
    chunk = max(AT_ONCE // plan.row_length, 1)
    for start in range(0, rows, chunk):
        shards.prefetch(order, start)
        found = gather(shards, order.between(start, min(start + chunk, rows)))
        if plan.validation:
            found = keep_segments(found, np.logical_not(is_held_out(found.split_key, plan.validation)))
        total += target_counts(collate(found, table), config.objective, slices, config.seed)
    return total


def log_frequencies(counts: torch.Tensor, slices: Slices) -> torch.Tensor:
    """Log of the frequency of each class within its slice, float32; a slice without targets is uniform."""
    parts = torch.split(counts.double() + PRIOR, list(slices.widths))
    return torch.cat([(part / part.sum()).log() for part in parts]).float()
