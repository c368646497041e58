"""Estimates for a long training run: steps, days, GPU memory and checkpoint size.

python -m triptych.train.scaling.budget        # prints the tables of docs/explanation/model-size.md
"""

from dataclasses import dataclass
from typing import NamedTuple

import click

from ...model.network.head import MAX_LOGITS
from ...model.network.presets import PRESETS, Shape, shape_of
from ...model.network.slices import Slices
from ...schemas.config.model import ModelConfig
from ...schemas.vocabulary import Modality, Vocabulary

# Vocabulary sizes of cl100k_base (text), MoVQGAN (images) and eight audio codebooks of 1,024.
LARGE = Vocabulary(text=100_277, image=16_384, audio=(1024,) * 8)
PEAK = 989e12  # dense bf16 operations per second of an H100 SXM
STATE = 4 + 8 + 4  # bytes per parameter in a checkpoint, float32: parameter, two moments, EMA


class MemoryEstimate(NamedTuple):
    """Bytes on one GPU under FSDP2, sharded and not."""

    sharded: float  # float32 parameters, gradients, moments, EMA
    gathered: float  # bf16: two layers at a time, the embeddings throughout, and their gradients
    activations: float  # bf16, for one micro-batch
    logits: float  # float32: one chunk of the head's logits and its gradient

    @property
    def total(self) -> float:
        """Sum of all parts; the allocator, NCCL and the CUDA context come on top."""
        return sum(self)


@dataclass(frozen=True)
class TrainingBudget:
    """A training run. `share` is each modality's share of the tokens, `attended` their mean segment length L_eff."""

    shape: Shape
    vocabulary: Vocabulary
    tokens: float
    row_length: int
    rows: int  # rows of a global batch
    micro_rows: int  # rows of a micro-batch on one GPU
    share: dict[Modality, float]
    attended: float
    utilisation: float  # share of PEAK; an assumption until it is measured

    @property
    def steps(self) -> int:
        """Number of optimizer steps, including a last partial one."""
        return -int(-self.tokens // (self.rows * self.row_length))

    @property
    def flops_per_token(self) -> float:
        """Training operations per token, counted as in flops.py, with half of the content masked."""
        slices = Slices.of(self.vocabulary)
        widths: dict[Modality, list[int]] = {}
        for block, width in zip(self.vocabulary.slices, slices.widths, strict=True):
            widths.setdefault(block.modality, []).append(width)
        head_rows = (
            sum(share * sum(widths[modality]) / len(widths[modality]) for modality, share in self.share.items()) / 2
        )
        pairs = 2 * self.shape.depth * self.shape.width * self.attended
        return 6 * (self.shape.matmul + pairs + self.shape.width * head_rows)

    def days(self, gpus: int) -> float:
        """Wall time on a number of GPUs at the assumed utilisation, in days."""
        return self.tokens * self.flops_per_token / (gpus * PEAK * self.utilisation) / 86_400

    def memory(self, gpus: int, *, recompute: bool) -> MemoryEstimate:
        """Memory of one GPU.

        Args:
            gpus: Number of GPUs.
            recompute: Whether layers store only their input and recompute activations, one layer at a time.
        """
        counts = self.shape.parameters(self.vocabulary)
        layer = counts.rest / self.shape.depth
        tokens = self.micro_rows * self.row_length
        kept = self.shape.depth * (2 * self.shape.width if recompute else layer_bytes(self.shape))
        return MemoryEstimate(
            sharded=(STATE + 4) * counts.total / gpus,
            gathered=2 * (3 * layer + 2 * counts.embedding),
            activations=float(tokens * (kept + recompute * layer_bytes(self.shape))),
            logits=2 * 4 * MAX_LOGITS,
        )

    @property
    def checkpoint_bytes(self) -> float:
        """Bytes of a checkpoint: parameters, moments and EMA in float32."""
        return STATE * float(self.shape.parameters(self.vocabulary).total)


def layer_bytes(shape: Shape) -> int:
    """Bytes per token that an uncompiled layer stores for its backward pass, in bf16 with norms in float32.

    In multiples of the width in bf16: 4 for each norm and 1 for its output; 3 for queries, keys and values; 4 each for
    the norms of queries and keys, and 1 each for their outputs; 1 each for the output of attention before and after the
    heads are joined.
    """
    return 2 * (25 * shape.width + 4 * shape.hidden)


THIRDS = {Modality.TEXT: 1 / 3, Modality.IMAGE: 1 / 3, Modality.AUDIO: 1 / 3}
THREE_BILLION = TrainingBudget(
    shape=shape_of(ModelConfig(preset="3b")),
    vocabulary=LARGE,
    tokens=6.4e12,
    row_length=4096,
    rows=3072,
    micro_rows=2,
    share=THIRDS,
    attended=1300,
    utilisation=0.4,
)


def preset_table() -> str:
    """Markdown table of all presets, with their parameters under a small and a large vocabulary."""
    small = Vocabulary(text=8000, image=1024, audio=(1024,) * 4)
    lines = [
        "| preset | depth | width | heads | MLP | parameters | embeddings, 13 k ids | embeddings, 125 k ids |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in PRESETS:
        shape = shape_of(ModelConfig(preset=name))
        first, second = shape.parameters(small), shape.parameters(LARGE)
        sizes = f"{first.rest / 1e6:,.1f} M | {first.embedding / 1e6:,.1f} M | {second.embedding / 1e6:,.1f} M"
        lines.append(f"| `{name}` | {shape.depth} | {shape.width} | {shape.heads} | {shape.hidden} | {sizes} |")
    return "\n".join(lines)


def plan_table(plan: TrainingBudget) -> str:
    """Markdown table of a run on several numbers of nodes with eight GPUs."""
    lines = [
        "| nodes of 8 | rows a GPU | days | sharded | gathered | activations | recomputed | GB a GPU | recomputed |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for nodes in (8, 16, 32, 64):
        gpus = 8 * nodes
        kept, again = (plan.memory(gpus, recompute=recompute) for recompute in (False, True))
        parts = (kept.sharded, kept.gathered, kept.activations, again.activations, kept.total, again.total)
        row = [str(nodes), f"{plan.rows // gpus}", f"{plan.days(gpus):.1f}", *(f"{part / 1e9:.1f}" for part in parts)]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def plan_facts(plan: TrainingBudget) -> str:
    """One sentence with the figures that do not depend on the number of nodes."""
    counts = plan.shape.parameters(plan.vocabulary)
    flops = plan.flops_per_token
    return (
        f"{counts.total / 1e9:.2f} G parameters, {counts.embedding / 1e9:.2f} G of them embeddings; "
        f"{plan.steps:,} steps of {plan.rows * plan.row_length / 1e6:.1f} M tokens; "
        f"{flops / 1e9:.1f} GFLOP a token, {plan.tokens * flops:.2e} in all; "
        f"checkpoints of {plan.checkpoint_bytes / 1e9:.1f} GB, an export of {4 * counts.total / 1e9:.1f} GB."
    )


if __name__ == "__main__":
    click.echo("\n\n".join([preset_table(), plan_facts(THREE_BILLION), plan_table(THREE_BILLION)]))
