"""How each task is sampled unless something else is asked for; docs/reference/sampling.md has what there is.

These are this project's choices, not the paper's. Text from nothing is said in random order, since going by confidence
repeats itself there (P15); an answer by confidence, block after block; pictures and clips by confidence, few places at
first, with the condition's effect doubled and doubts halved, without which a small model is seldom recognised.
"""

from ...schemas.config.model import Task
from ...schemas.config.sampling import SamplingConfig

_RANDOM = SamplingConfig(rule="first-hitting")
_ANSWER = SamplingConfig(rule="confidence", block=32)
_CODES = SamplingConfig(rule="confidence", grid="cosine", guidance=1.0, temperature=0.5)

DEFAULTS: dict[Task, SamplingConfig] = {
    Task.TEXT: _RANDOM,
    Task.JOINT: _RANDOM,
    Task.I2T: _ANSWER,
    Task.S2T: _ANSWER,
    Task.T2I: _CODES,
    Task.T2S: _CODES,
}


def defaults(task: Task) -> SamplingConfig:
    """The settings of a task."""
    return DEFAULTS[task]
