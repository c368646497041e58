"""Default sampling settings of each task; docs/reference/sampling.md describes all settings.

These are this project's choices, not values of a paper. Unconditional text is unmasked in random order, because an
order by confidence tends to repeat phrases there; captions and transcripts by confidence, block after block. Images and
audio are unmasked by confidence, few positions in the first steps, with guidance 1 and temperature 0.5; without these
the output of a small model is seldom recognised.
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
    """The default settings of a task."""
    return DEFAULTS[task]
