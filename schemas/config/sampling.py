"""How samples are generated from a masked model: which positions are unmasked next, and how tokens are drawn.

docs/reference/sampling.md describes each rule; model/sampling_defaults.py has the defaults of each task.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from ..base import AddedKey, Strict

Rule = Literal[
    "ancestral",
    "first-hitting",
    "confidence",
    "entropy",
    "margin",
    "threshold",
    "entropy-bounded",
    "remdm-cap",
    "remdm-loop",
    "halton",
]
# need no predictions
BLIND: frozenset[Rule] = frozenset({"ancestral", "first-hitting", "remdm-cap", "remdm-loop", "halton"})
ORDERED: frozenset[Rule] = frozenset({"first-hitting", "halton", "confidence", "entropy", "margin"})  # by a sort key
Grid = Literal["linear", "cosine"]


class SamplingConfig(Strict):
    """Sampling options. Each step chooses positions by `rule`, then draws tokens at those positions only."""

    model_config = ConfigDict(allow_inf_nan=False)  # values also come from a command line, not only from YAML

    rule: Rule = Field("first-hitting", description="Unmask rule: which masked positions are unmasked in a step")
    steps: PositiveInt = Field(
        64, description="Number of steps; `threshold` and `entropy-bounded` take as many as they need"
    )
    grid: Grid = Field("linear", description="How the share of unmasked positions grows over the steps")
    time_shift: Annotated[PositiveFloat, AddedKey()] = Field(
        1.0, description="Shift s of the grid: a share t of unmasked positions becomes st / (1 + (s - 1)t)"
    )
    codebook_penalty: Annotated[NonNegativeFloat, AddedKey()] = Field(
        0.0,
        description="Subtracted from the score of an audio code, times the number of its codebook: coarse ones first",
    )
    calibrate: Annotated[bool, AddedKey()] = Field(
        False, description="For `confidence`: divide a probability by the mean one of that token in its block"
    )
    block: PositiveInt | None = Field(None, description="Length of the blocks that are sampled one after another")
    cache: bool = Field(False, description="Reuse keys and values outside the current block (approximate)")
    choice_temperature: NonNegativeFloat = Field(
        0.0,
        description="For `confidence`, `entropy`, `margin`: Gumbel noise on the scores, annealed to 0 at the last step",
    )
    threshold: float = Field(0.9, gt=0, le=1, description="For `threshold`: minimum confidence of an unmasked token")
    entropy_bound: NonNegativeFloat = Field(
        0.1, description="For `entropy-bounded`: bound on the mutual information of jointly unmasked positions, in nats"
    )
    remask: float = Field(
        0.02, ge=0, le=1, description="For `remdm-…`: maximum probability per step of remasking a token"
    )
    temperature: NonNegativeFloat = Field(1.0, description="Sampling temperature; 0 takes the most likely token")
    top_p: float = Field(1.0, gt=0, le=1, description="Sample from the most likely tokens with this total probability")
    top_k: PositiveInt | None = Field(None, description="Sample from this number of most likely tokens")
    guidance: float = Field(0.0, ge=-1, description="Guidance scale g of cond + g × (cond - uncond); 0 is off")
    guidance_window: tuple[float, float] = Field(
        (0.0, 1.0), description="Range of the share of unmasked positions in which guidance is applied"
    )
    guidance_ramp: bool = Field(False, description="Increase guidance from 0 with the share of unmasked positions")

    @model_validator(mode="after")
    def _cached_blocks(self) -> "SamplingConfig":
        if self.cache and (self.block is None or self.rule in BLIND):
            raise ValueError(
                "`cache` needs `block`, and a rule that predicts all positions of a block, such as `confidence`"
            )
        return self

    @model_validator(mode="after")
    def _of_some_rules(self) -> "SamplingConfig":
        if self.codebook_penalty and self.rule not in ORDERED:
            raise ValueError(f"`codebook_penalty` is not used by `rule: {self.rule}`; it needs a rule with an order")
        if self.calibrate and self.rule != "confidence":
            raise ValueError(f"`calibrate` is not used by `rule: {self.rule}`; it needs `confidence`")
        return self

    @model_validator(mode="after")
    def _window(self) -> "SamplingConfig":
        low, high = self.guidance_window
        if not 0 <= low < high <= 1:
            raise ValueError(f"`guidance_window: {[low, high]}` must be increasing and within 0 and 1")
        return self
