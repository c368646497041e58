"""What the benchmark on a GPU takes: the sizes of the real thing, and of a trial on a CPU."""

from dataclasses import dataclass
from typing import Any

Model = dict[str, Any]  # a `model:` block of a train file


@dataclass(frozen=True)
class Sizes:
    """Sizes of everything that is measured. Tokens of a batch and of a pass count padding."""

    row_length: int
    rows: int  # packed rows of each kind of sample
    models: dict[str, Model]  # by name, the most important first
    check_model: Model  # of the comparisons with a CPU
    heads: int  # of attention by itself, of 64
    batches: tuple[int, ...]  # tokens of a step; the first is the one that all comparisons take
    pass_tokens: int  # tokens that go through the model at once, at most
    warm: int  # steps of each case that do not count
    steps: int  # steps of each case that count
    check_steps: int  # steps of the comparison with a CPU
    repeats: int  # of what is measured by itself
    sample_batches: tuple[int, ...]  # texts that are sampled at once
    sample_length: int  # tokens of each of them
    sample_steps: int
    sample_block: int
    limits: dict[str, float]  # seconds of each part

    @property
    def check_batch(self) -> int:
        """Tokens of a step of the comparisons with a CPU: three rows, as there are three kinds of samples."""
        return 3 * self.row_length


FULL = Sizes(
    row_length=4096,
    rows=96,
    models={"350m": {"preset": "350m"}, "100m": {"preset": "100m"}},
    check_model={"preset": "1m"},
    heads=8,
    batches=(32_768, 131_072, 262_144, 8_192),
    pass_tokens=32_768,
    warm=3,
    steps=6,
    check_steps=20,
    repeats=10,
    sample_batches=(1, 8, 32),
    sample_length=256,
    sample_steps=64,
    sample_block=32,
    limits={"shards": 45, "attention": 75, "training": 95, "speed": 220, "sampling": 75},
)

TINY = Sizes(
    row_length=512,
    rows=6,
    models={"tiny": {"depth": 1, "width": 64}},
    check_model={"depth": 1, "width": 64},
    heads=1,
    batches=(1024, 2048),
    pass_tokens=1024,
    warm=1,
    steps=2,
    check_steps=4,
    repeats=2,
    sample_batches=(1, 2),
    sample_length=16,
    sample_steps=4,
    sample_block=8,
    limits=dict.fromkeys(("shards", "attention", "training", "speed", "sampling"), 600.0),  # a busy machine
)
