"""The train file: one YAML that says all there is to say about a `triptych train`."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from ..base import Strict
from .mix import Mixture
from .model import MaskedObjective, ModelConfig, ObjectiveConfig


class Data(Mixture):
    """What is trained on, and how it is read."""

    validation: float = Field(0.01, ge=0, le=0.5, description="Share of the documents that are held out")
    workers: PositiveInt = Field(1, description="Threads that build batches ahead of the training")
    cache: str = Field("~/.cache/triptych", description="Folder for the shards of remote datasets")
    cache_bytes: PositiveInt = Field(100_000_000_000, description="Size of it beyond the shards in use")


class OptimizerConfig(Strict):
    """AdamW, as it is at the base width, depth, batch and horizon; the rules of docs/explanation/optimizer-scaling.md scale it."""

    lr: PositiveFloat = Field(2e-3, description="Learning rate at its height")
    betas: tuple[float, float] = Field((0.9, 0.95), description="Decay of the two running means a step")
    eps: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = Field(0.1, description="Of matrices alone, times the learning rate")
    clip: PositiveFloat = Field(1.0, description="Norm to which gradients are cut")
    schedule: Literal["cosine", "wsd"] = Field("cosine", description="How the learning rate falls")
    warmup: PositiveInt = Field(1000, description="Steps of rising learning rate; at most a quarter of all")
    decay: float = Field(0.2, gt=0, le=1, description="Of `schedule: wsd`: share of the steps in which it falls")
    final: float = Field(0.0, ge=0, lt=1, description="Where it ends, as a share of its height")
    base_batch_tokens: PositiveInt | None = Field(None, description="Batch at which these values were found")
    base_tokens: PositiveInt | None = Field(None, description="Tokens of the runs in which they were found")
    gamma: float = Field(0.44, ge=0, le=1, description="Power of the horizon in the batch rule")
    critical_steps: PositiveInt = Field(1000, description="Fewer steps than this: the batch is too large")

    @model_validator(mode="after")
    def _sound(self) -> "OptimizerConfig":
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"`betas: {list(self.betas)}` must both be at least 0 and below 1")
        if (self.base_batch_tokens is None) != (self.base_tokens is None):
            raise ValueError("the batch rule needs `base_batch_tokens` and `base_tokens`; give both or neither")
        return self


class EmaConfig(Strict):
    """A running mean of the weights, saved and evaluated beside them."""

    half_life: float = Field(0.02, gt=0, le=1, description="Share of the steps after which a weight counts half")


class CheckpointConfig(Strict):
    """When the state of a run is saved."""

    every: PositiveInt = Field(1000, description="Steps between two checkpoints")
    keep: PositiveInt = Field(2, description="The last so many, beside the best by validation")


class ValidationConfig(Strict):
    """Loss on held-out documents."""

    every: PositiveInt = Field(500, description="Steps between two validations")
    rows: PositiveInt = Field(64, description="Held-out rows of each group of rows, at most")


class ComputeConfig(Strict):
    """How the work is done; of the results it changes the rounding alone."""

    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 on a GPU")
    parallel: Literal["ddp", "fsdp"] = Field("ddp", description="Copies of the model, or shares of it")
    micro_batch_tokens: PositiveInt | None = Field(None, description="Places a process takes at once; default all")
    compile: bool | None = Field(None, description="torch.compile; default on a GPU")
    recompute: bool = Field(False, description="Recompute activations in the backward pass to save memory")


class TrainConfig(Strict):
    """A `triptych train` run."""

    out: str = Field(min_length=1, description="Folder of the run")
    seed: int = Field(0, ge=0, description="Of the first weights, the order of rows, tasks and noise")
    data: Data
    model: ModelConfig
    objective: ObjectiveConfig = Field(default_factory=MaskedObjective)
    optimizer: OptimizerConfig = Field(default_factory=OptimizerConfig)
    steps: PositiveInt
    checkpoint: CheckpointConfig = Field(default_factory=CheckpointConfig)
    validation: ValidationConfig = Field(default_factory=ValidationConfig)
    ema: EmaConfig | None = Field(default_factory=EmaConfig, description="null: none")
    compute: ComputeConfig = Field(default_factory=ComputeConfig)
    log_every: PositiveInt = Field(10, description="Steps between two lines of metrics")
