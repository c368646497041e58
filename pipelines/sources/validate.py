"""The second stage: drops rows that cannot become samples.

Nothing is decoded yet: clips are measured by their packets. What only decoding shows is dropped by the
stages that encode.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.run import Limits
from ...tokenizers.audio.decode_clip import MIN_SECONDS, BadClip, duration_of
from ...tokenizers.image.decode_picture import BadPicture, size_of
from ..engines.partition import Outcome, drop_rows

VALIDATE_VERSION = 1
Problem = tuple[str, str]  # reason, detail


@dataclass(frozen=True)
class Validate:
    """Drops empty texts, and images and clips that are empty, unreadable or beyond the limits."""

    limits: Limits
    name: str = "normalise"
    counted: bool = True

    def identity(self) -> list[object]:
        """Version and limits."""
        return [VALIDATE_VERSION, self.limits.identity_body()]

    def run(self, table: pa.Table) -> Outcome:
        """Keep the valid rows of a RAW table; the first problem of a row is its reason."""
        problems: dict[int, Problem] = {}
        for index, problem in self._problems(table):
            problems.setdefault(index, problem)
        return Outcome(*drop_rows(self.name, table, problems))

    def _problems(self, table: pa.Table) -> Iterator[tuple[int, Problem]]:
        empty = pc.equal(pc.utf8_trim_whitespace(table["text"]), "").to_numpy()
        yield from ((index, ("text_empty", "")) for index in np.flatnonzero(empty).tolist())
        for column, check in (("image", self._picture), ("audio", self._clip)):
            if column in table.column_names:
                yield from _check(table[column], check)

    def _picture(self, data: bytes) -> None:
        width, height = size_of(data)
        if width * height > self.limits.pixels:
            raise BadPicture("image_too_large", f"{width}x{height} pixels; the limit is {self.limits.pixels}")

    def _clip(self, data: bytes) -> None:
        frames, rate = duration_of(data)
        if not frames:
            raise BadClip("audio_empty", "no samples")
        seconds = frames / rate
        if seconds > self.limits.seconds:
            raise BadClip("audio_too_long", f"{seconds:.1f} s; the limit is {self.limits.seconds:g} s")
        if seconds < MIN_SECONDS:
            raise BadClip("audio_too_short", f"{frames} samples at {rate} Hz")


def _check(column: pa.ChunkedArray, check: Callable[[bytes], None]) -> Iterator[tuple[int, Problem]]:
    for index, value in enumerate(column):
        try:
            check(value.as_py())
        except (BadPicture, BadClip) as problem:
            yield index, (problem.reason, problem.detail)
