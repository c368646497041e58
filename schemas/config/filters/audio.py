"""Filters of clips: thresholds as keys, with defaults that keep the recorded speech they were tried on."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from .base import Filter

Share = Annotated[float, Field(ge=0, le=1)]


class _Range(Filter):
    """Between two bounds, of which one may be left out."""

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Least and most."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _bounds_leave_something(self) -> "_Range":
        least, most = self.bounds
        if least is None and most is None:
            raise ValueError("it has no bound; give the least, the most or both")
        if least is not None and most is not None and least > most:
            raise ValueError(f"its least is {least:g}, above its most, {most:g}; no clip is left")
        return self


class Duration(_Range):
    """Clips that are too short or too long, by their headers."""

    name: Literal["duration"]
    min_seconds: PositiveFloat | None = Field(None, description="Length of a clip, at least")
    max_seconds: PositiveFloat | None = Field(None, description="Length of a clip, at most")

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Seconds."""
        return self.min_seconds, self.max_seconds


class Silence(Filter):
    """Clips in which little is to be heard."""

    name: Literal["silence"]
    max_share: Share = Field(0.8, description="Share of frames of 20 ms that are silent, at most")
    threshold_db: float = Field(-60.0, ge=-120, lt=0, description="RMS beside full scale; a frame below is silent")


class Clipping(Filter):
    """Clips recorded too loud."""

    name: Literal["clipping"]
    max_share: Share = Field(0.01, description="Share of samples at full scale, at most")


class TranscriptRate(_Range):
    """Clips whose text is too short or too long for them, as when it belongs to another clip."""

    name: Literal["transcript_rate"]
    min: PositiveFloat | None = Field(None, description="Characters of text a second of sound, at least")
    max: PositiveFloat | None = Field(None, description="Characters of text a second of sound, at most")

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Characters a second."""
        return self.min, self.max


AudioFilter = Duration | Silence | Clipping | TranscriptRate
