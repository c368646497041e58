"""The train file: the configuration of `triptych train`."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ..base import AddedKey, Recorded, Strict
from .mix import Mixture
from .model import MaskedObjective, ModelConfig, ObjectiveConfig


class Data(Mixture):
    """Training data and how it is read."""

    validation: float = Field(0.01, ge=0, le=0.5, description="Share of documents held out for validation")
    workers: PositiveInt = Field(1, le=1024, description="Number of threads that build batches ahead of training")
    cache: str = Field("~/.cache/triptych", description="Folder for the shards of remote datasets")
    cache_bytes: PositiveInt = Field(100_000_000_000, description="Maximum cache size, not counting shards in use")


class OptimizerConfig(Recorded):
    """Optimizer at the base width, depth, batch size and horizon.

    docs/explanation/optimizer-scaling.md describes how the values are scaled to other sizes.
    """

    kind: Annotated[Literal["muon", "adamw"], AddedKey(before="adamw")] = Field(
        "muon", description="Muon for the matrices of the layers and AdamW for the rest, or AdamW for all"
    )
    lr: PositiveFloat = Field(1e-2, description="Peak learning rate of AdamW; default 2e-3 if it has all parameters")
    matrix_lr: Annotated[PositiveFloat, AddedKey()] = Field(0.02, description="Peak learning rate of Muon")
    momentum: Annotated[float, AddedKey()] = Field(0.95, ge=0, lt=1, description="Nesterov momentum of Muon")
    betas: tuple[float, float] = Field((0.9, 0.95), description="Decay rates of AdamW's two moment estimates, per step")
    beta2_half_life: Annotated[PositiveInt | None, AddedKey(before=None)] = Field(
        7_000_000,
        description="Half-life of AdamW's second moment in tokens, in place of the second of `betas`; null where "
        "`betas` are given or AdamW has all parameters",
    )
    eps: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = Field(0.1, description="Weight decay of matrices, times the learning rate")
    clip: PositiveFloat = Field(1.0, description="Maximum gradient norm")
    schedule: Literal["cosine", "wsd"] = Field("cosine", description="Learning-rate schedule")
    warmup: PositiveInt = Field(1000, description="Warm-up steps; at most a quarter of all steps")
    decay: float = Field(0.2, gt=0, le=1, description="For `schedule: wsd`: share of the steps in the decay phase")
    final: float = Field(0.0, ge=0, lt=1, description="Final learning rate, as a share of the peak")
    base_batch_tokens: PositiveInt | None = Field(None, description="Batch size in tokens for which these are tuned")
    base_tokens: PositiveInt | None = Field(None, description="Training tokens for which these are tuned")
    gamma: float = Field(0.44, ge=0, le=1, description="Exponent of the horizon in the batch-size rule")
    critical_steps: PositiveInt = Field(1000, description="Fewer steps than this mean that the batch is too large")

    @model_validator(mode="before")
    @classmethod
    def _defaults_beside(cls, data: Any) -> Any:
        """AdamW takes smaller steps of the layers' matrices than of the rest; and `betas` that are given are used."""
        if not isinstance(data, dict):
            return data
        adamw = data.get("kind") == "adamw"
        own = {"lr": 2e-3} if adamw else {}
        return own | ({"beta2_half_life": None} if adamw or "betas" in data else {}) | data

    @model_validator(mode="after")
    def _sound(self) -> "OptimizerConfig":
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"`betas: {list(self.betas)}` must both be at least 0 and below 1")
        if (self.base_batch_tokens is None) != (self.base_tokens is None):
            raise ValueError("the batch-size rule needs `base_batch_tokens` and `base_tokens`; give both or neither")
        return self


class EmaConfig(Strict):
    """Exponential moving average of the weights, saved and evaluated beside them."""

    half_life: float = Field(0.02, gt=0, le=1, description="Half-life of the average, as a share of all steps")


class CheckpointConfig(Strict):
    """When the state of a run is saved."""

    every: PositiveInt = Field(1000, description="Steps between two checkpoints")
    keep: PositiveInt = Field(2, description="Number of recent checkpoints kept, besides the best by validation loss")
    keep_every: Annotated[PositiveInt | None, AddedKey()] = Field(
        None, description="Every so many checkpoints, one is never removed; default none"
    )


class ValidationConfig(Strict):
    """Validation on held-out documents."""

    every: PositiveInt = Field(500, description="Steps between two validations")
    rows: PositiveInt = Field(64, description="Maximum number of held-out rows per row group")
    datasets: Annotated[tuple[str, ...], AddedKey()] = Field(
        (), description="Prepared datasets that are validated on beside the held-out documents, as fsspec URLs"
    )


SampledTask = Literal["text", "t2i", "t2s"]


class SamplesConfig(Strict):
    """Samples that are generated while the model trains, to be looked at step by step."""

    every: PositiveInt | None = Field(None, description="Steps between two sets; default `checkpoint.every`")
    prompts: dict[SampledTask, tuple[str, ...]] = Field(
        min_length=1, description="Prompts of each task: `text`, `t2i` (text to image) and `t2s` (text to speech)"
    )
    n: PositiveInt = Field(1, le=64, description="Samples of each prompt")

    @model_validator(mode="after")
    def _some_prompts(self) -> "SamplesConfig":
        for task, prompts in self.prompts.items():
            if not prompts:
                raise ValueError(f"`prompts.{task}` is empty; give at least one prompt, or leave the task out")
            if task != "text" and not all(prompt.strip() for prompt in prompts):
                raise ValueError(f"`prompts.{task}` has an empty prompt; say what is to be generated")
        return self


class ComputeConfig(Strict):
    """How the computation is done; apart from float rounding, results do not depend on it."""

    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto is bfloat16 on a GPU")
    parallel: Literal["ddp", "fsdp"] = Field("ddp", description="Replicate the model (DDP) or shard it (FSDP)")
    micro_batch_tokens: PositiveInt | None = Field(None, description="Positions per process and pass; default all")
    compile: bool | None = Field(None, description="Use torch.compile; default on a GPU")
    recompute: bool = Field(False, description="Recompute activations in the backward pass to save memory")


class InitConfig(Strict):
    """Weights that a new run starts with."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, serialize_by_alias=True)

    source: str = Field(alias="from", min_length=1, description="A run, or an export of one, as an fsspec URL")
    match: Literal["name", "vocabulary"] = Field(
        "name", description="Take parameters of one name and shape; or match the rows of other vocabularies as well"
    )
    step: NonNegativeInt | None = Field(None, description="Step of the checkpoint to take; default the finished model")


TrackerName = Literal["tensorboard", "wandb", "mlflow"]


class TrainConfig(Strict):
    """Configuration of a `triptych train` run."""

    out: str = Field(min_length=1, description="Folder of the run, or its fsspec URL")
    seed: int = Field(0, ge=0, description="Seed of the initial weights, row order, tasks and noise")
    data: Data
    model: ModelConfig
    init: Annotated[InitConfig | None, AddedKey()] = Field(None, description="Weights to start with; default new ones")
    objective: ObjectiveConfig = Field(default_factory=MaskedObjective)
    optimizer: OptimizerConfig = Field(default_factory=OptimizerConfig)
    steps: PositiveInt
    checkpoint: CheckpointConfig = Field(default_factory=CheckpointConfig)
    validation: ValidationConfig = Field(default_factory=ValidationConfig)
    samples: Annotated[SamplesConfig | None, AddedKey()] = Field(
        None, description="Samples that are generated while the model trains; default none"
    )
    control: Annotated[str | None, AddedKey()] = Field(
        None, description="Run of the autoregressive control, to which a finished run is compared"
    )
    ema: EmaConfig | None = Field(default_factory=EmaConfig, description="null turns it off")
    compute: ComputeConfig = Field(default_factory=ComputeConfig)
    log_every: PositiveInt = Field(10, description="Steps between two lines of metrics")
    log: Annotated[tuple[TrackerName, ...], AddedKey()] = Field(
        ("tensorboard",), description="Services that get the metrics, too; TensorBoard only where it is installed"
    )
    on_breakdown: Annotated[Literal["stop", "rollback"], AddedKey()] = Field(
        "stop",
        description="After 20 skipped steps in a row: end, or go back to the last sound checkpoint and on behind the "
        "rows that did it",
    )
    max_rollbacks: Annotated[PositiveInt, AddedKey()] = Field(3, description="Rollbacks of a run before it ends")

    @model_validator(mode="after")
    def _whole_model_for_samples(self) -> "TrainConfig":
        if self.samples is not None and self.compute.parallel == "fsdp":
            raise ValueError(
                "`samples` needs the whole model in one process, which `compute.parallel: fsdp` does not have; sample "
                "the checkpoints by `triptych sample --step N`"
            )
        return self

    @model_validator(mode="after")
    def _order_within_frames(self) -> "TrainConfig":
        if self.objective.kind == "autoregressive" and self.model.audio_layout == "parallel":
            raise ValueError(
                "`objective.kind: autoregressive` predicts the codes of a frame one after another, which "
                "`model.audio_layout: parallel` cannot; train the control with `audio_layout: flat`"
            )
        return self
