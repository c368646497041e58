"""The `model:` and `objective:` blocks of a train file: model size and training objective.

docs/explanation/objective.md and docs/explanation/model-size.md give the reasons for the default values.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator, model_validator

from ..base import AddedKey, Recorded, Strict
from ..vocabulary import Kind, Modality, Special

Preset = Literal["1m", "5m", "13m", "25m", "42m", "100m", "200m", "350m", "800m", "1b", "3b"]
AudioLayout = Literal["flat", "parallel"]


class ModelConfig(Recorded):
    """Size of the model, by `preset` or by `depth` (exactly one of the two)."""

    preset: Preset | None = Field(None, description="Name of a size: its number of parameters without embeddings")
    depth: PositiveInt | None = Field(None, le=10_000, description="Number of layers; the width follows from it")
    width: PositiveInt | None = Field(
        None, le=1_000_000, description="Width of the residual stream; default 128 × depth"
    )
    head_size: Literal[64, 128] = Field(64, description="Width of an attention head")
    mlp_ratio: PositiveFloat = Field(8 / 3, description="SwiGLU hidden width over width, rounded up to 128s")
    base_width: PositiveInt = Field(512, description="Width for which learning rate and initial scale are given")
    base_depth: PositiveInt = Field(4, description="Depth for which learning rate and initial scale are given")
    embedding_std: Annotated[PositiveFloat, AddedKey(before=0.02)] = Field(
        0.1, description="Standard deviation of the initial input embeddings"
    )
    alpha: float = Field(1.0, ge=0.5, le=1.0, description="Residual branches are scaled by (depth / base_depth)^-alpha")

    audio_layout: Annotated[AudioLayout, AddedKey()] = Field(
        "flat", description="A position for each code of an audio frame, or one for the whole frame (parallel)"
    )
    head_bias: Annotated[bool, AddedKey(before=False)] = Field(
        True, description="Add a bias to the logits; it begins as the log of how often each token is a target"
    )

    @model_validator(mode="after")
    def _one_dial(self) -> "ModelConfig":
        if (self.preset is None) == (self.depth is None):
            raise ValueError("give one of `depth` (such as 4) and `preset` (such as 100m)")
        if self.preset is not None and self.width is not None:
            raise ValueError(f"`width` is decided by `preset: {self.preset}`; remove one of the two")
        if self.width is not None and self.width % self.head_size:
            raise ValueError(f"`width: {self.width}` is no multiple of `head_size: {self.head_size}`")
        return self


class Task(StrEnum):
    """The task of a segment: which of its modalities is predicted, and from which."""

    TEXT = "text"
    T2I = "t2i"
    I2T = "i2t"
    T2S = "t2s"
    S2T = "s2t"
    JOINT = "joint"

    @property
    def special(self) -> Special:
        """The token id of this task, which is written into the task slot."""
        return Special[self.name]

    @property
    def given(self) -> Modality | None:
        """The modality that is the condition, or None when every modality is predicted."""
        return _GIVEN_AND_PREDICTED[self][0] if self in _GIVEN_AND_PREDICTED else None

    @property
    def predicted(self) -> Modality | None:
        """The one modality that is predicted, or None when every modality is predicted."""
        return _GIVEN_AND_PREDICTED[self][1] if self in _GIVEN_AND_PREDICTED else None


_GIVEN_AND_PREDICTED = {
    Task.T2I: (Modality.TEXT, Modality.IMAGE),
    Task.I2T: (Modality.IMAGE, Modality.TEXT),
    Task.T2S: (Modality.TEXT, Modality.AUDIO),
    Task.S2T: (Modality.AUDIO, Modality.TEXT),
}

POSSIBLE = {
    Kind.TEXT: (Task.TEXT,),
    Kind.IMAGE_TEXT: (Task.T2I, Task.I2T, Task.JOINT),
    Kind.AUDIO_TEXT: (Task.T2S, Task.S2T, Task.JOINT),
    Kind.IMAGE_AUDIO_TEXT: (Task.T2I, Task.I2T, Task.T2S, Task.S2T, Task.JOINT),
}
Tasks = dict[Kind, dict[Task, NonNegativeFloat]]
TASKS: Tasks = {
    Kind.TEXT: {Task.TEXT: 1.0},
    Kind.IMAGE_TEXT: {Task.T2I: 0.4, Task.I2T: 0.3, Task.JOINT: 0.3},
    Kind.AUDIO_TEXT: {Task.T2S: 0.4, Task.S2T: 0.3, Task.JOINT: 0.3},
    Kind.IMAGE_AUDIO_TEXT: {Task.JOINT: 1.0},
}


class LossWeights(Strict):
    """Factors on the loss of each modality's tokens. The logged NELBO is not weighted."""

    text: NonNegativeFloat = 1.0
    image: NonNegativeFloat = 1.0
    audio: NonNegativeFloat = 1.0


class _Objective(Recorded):
    loss_weights: LossWeights = Field(default_factory=LossWeights)
    z_loss: NonNegativeFloat = Field(0.0, description="Factor on the squared log of the softmax denominator")


class MaskedObjective(_Objective):
    """Masked diffusion: a random subset of a segment's tokens is masked and predicted from the rest."""

    kind: Literal["masked"] = "masked"
    estimator: Literal["exact-k", "bernoulli"] = Field(
        "exact-k",
        description="Mask exactly k of n tokens, or each token independently with the probability of a noise level",
    )
    schedule: Literal["linear", "cosine", "polynomial"] = Field(
        "linear", description="Noise schedule: the distribution of the masked share; the bound does not depend on it"
    )
    power: PositiveFloat | None = Field(None, description="Exponent of `schedule: polynomial`; default 2")
    weighting: Annotated[Literal["flat", "bound"], AddedKey(before="bound")] = Field(
        "flat", description="Weight of masked tokens in training: equal at all mask ratios, or that of the bound"
    )
    anti_masking: bool = Field(
        False, description="Train on each mask and on its complement, with half as many rows per step"
    )
    tasks: Tasks = Field(default_factory=dict, description="Probabilities of the tasks, by kind of sample")
    condition_dropout: float = Field(0.1, ge=0, le=1, description="Probability of masking a task's whole condition")

    @property
    def copies(self) -> int:
        """Number of times that each row of a batch passes through the model."""
        return 2 if self.anti_masking else 1

    @model_validator(mode="after")
    def _power_of_a_polynomial(self) -> "MaskedObjective":
        if self.power is not None and self.schedule != "polynomial":
            raise ValueError(f"`power` is not used by `schedule: {self.schedule}`; remove it")
        return self

    @field_validator("tasks", mode="after")
    @classmethod
    def _probabilities(cls, tasks: Tasks) -> Tasks:
        for kind, chances in tasks.items():
            if wrong := sorted(set(chances) - set(POSSIBLE[kind])):
                possible = ", ".join(POSSIBLE[kind])
                raise ValueError(f"`{kind}` has no task `{wrong[0]}`; it may have {possible}")
            if abs(sum(chances.values()) - 1) > 1e-6:
                raise ValueError(f"the probabilities of `{kind}` sum to {sum(chances.values()):g}; they must sum to 1")
        return TASKS | tasks


class AutoregressiveObjective(_Objective):
    """Autoregressive control: the same transformer with causal attention predicts each token from earlier tokens."""

    kind: Literal["autoregressive"]

    @property
    def copies(self) -> int:
        """Number of times that each row of a batch passes through the model."""
        return 1


ObjectiveConfig = Annotated[MaskedObjective | AutoregressiveObjective, Field(discriminator="kind")]
