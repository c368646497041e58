"""Audio filters and their thresholds. The defaults keep the speech recordings on which they were tested."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from .base import Filter

Share = Annotated[float, Field(ge=0, le=1)]


class _Range(Filter):
    """Base of filters with a lower and an upper bound, of which one may be left out."""

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Lower and upper bound."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _bounds_leave_something(self) -> "_Range":
        least, most = self.bounds
        if least is None and most is None:
            raise ValueError("it has no bound; give the lower bound, the upper bound or both")
        if least is not None and most is not None and least > most:
            raise ValueError(f"its lower bound {least:g} is above its upper bound {most:g}; no clip would be kept")
        return self


class Duration(_Range):
    """Drops clips that are too short or too long, by the length in the file header."""

    name: Literal["duration"]
    min_seconds: PositiveFloat | None = Field(None, description="Minimum length of a clip, in seconds")
    max_seconds: PositiveFloat | None = Field(None, description="Maximum length of a clip, in seconds")

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Lower and upper bound in seconds."""
        return self.min_seconds, self.max_seconds


class Silence(Filter):
    """Drops clips that are mostly silent."""

    name: Literal["silence"]
    max_share: Share = Field(0.8, description="Maximum share of silent 20 ms frames")
    threshold_db: float = Field(
        -60.0, ge=-120, lt=0, description="Frames with a lower RMS level are silent, in dB relative to full scale"
    )


class Clipping(Filter):
    """Drops clips that were recorded too loud, so that samples are clipped."""

    name: Literal["clipping"]
    max_share: Share = Field(0.01, description="Maximum share of samples at full scale")


class TranscriptRate(_Range):
    """Drops clips whose text is too short or too long for their duration, such as the text of another clip."""

    name: Literal["transcript_rate"]
    min: PositiveFloat | None = Field(None, description="Minimum number of text characters per second of audio")
    max: PositiveFloat | None = Field(None, description="Maximum number of text characters per second of audio")

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Lower and upper bound in characters per second."""
        return self.min, self.max


AudioFilter = Duration | Silence | Clipping | TranscriptRate
