"""How a masked model is sampled: which places are said next, and how a token is drawn there.

docs/reference/sampling.md says what each rule does; model/sampling_defaults.py has what each task takes by default.
"""

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from ..base import Strict

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
]
BLIND: frozenset[Rule] = frozenset({"ancestral", "first-hitting", "remdm-cap", "remdm-loop"})  # need no predictions
Grid = Literal["linear", "cosine"]


class SamplingConfig(Strict):
    """Two stages a step: places are chosen by `rule`, then tokens are drawn there alone."""

    rule: Rule = Field("first-hitting", description="Which open places are said in a step")
    steps: PositiveInt = Field(64, description="Steps; `threshold` and `entropy-bounded` take as many as they need")
    grid: Grid = Field("linear", description="Share of the places that is said by each step")
    block: PositiveInt | None = Field(None, description="Say blocks of so many places one after another")
    cache: bool = Field(False, description="Pass over a block alone once it is begun; the rest is seen as it was then")
    choice_temperature: NonNegativeFloat = Field(
        0.0, description="Of `confidence`, `entropy`, `margin`: Gumbel noise on scores, falling to 0 at the last step"
    )
    threshold: float = Field(0.9, gt=0, le=1, description="Of `threshold`: least confidence of what is said")
    entropy_bound: NonNegativeFloat = Field(
        0.1, description="Of `entropy-bounded`: nats that places said together may know of one another"
    )
    remask: float = Field(0.02, ge=0, le=1, description="Of `remdm-…`: greatest chance a step to take a token back")
    temperature: NonNegativeFloat = Field(1.0, description="Of the draw of a token; 0 takes the likeliest")
    top_p: float = Field(1.0, gt=0, le=1, description="Draw among the likeliest that together have this share")
    top_k: PositiveInt | None = Field(None, description="Draw among so many likeliest")
    guidance: float = Field(0.0, ge=-1, description="g of cond + g × (cond - uncond); 0: off")
    guidance_window: tuple[float, float] = Field(
        (0.0, 1.0), description="Guide from this share of places said, until that"
    )
    guidance_ramp: bool = Field(False, description="Let guidance rise from 0 with the share of places said")

    @model_validator(mode="after")
    def _cached_blocks(self) -> "SamplingConfig":
        if self.cache and (self.block is None or self.rule in BLIND):
            raise ValueError("`cache` needs `block`, and a rule that asks at all places of it, such as `confidence`")
        return self

    @model_validator(mode="after")
    def _window(self) -> "SamplingConfig":
        low, high = self.guidance_window
        if not 0 <= low < high <= 1:
            raise ValueError(f"`guidance_window: {[low, high]}` must rise, within 0 and 1")
        return self
