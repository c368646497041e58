"""Samples the rows on which a tokenizer is trained, deterministically by document id."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.run import Limits
from ...schemas.dataset.tables import DROPPED
from ...schemas.vocabulary import Modality
from ...tokenizers.audio.decode_clip import BadClip, wave_of
from ...tokenizers.decoding import decoding_identity
from ...tokenizers.image.decode_picture import BadPicture, square
from ..engines.partition import Outcome

DRAW_VERSION = 1


def draw_training_sample(ids: pa.ChunkedArray, share: float) -> pa.Array:
    """Return a mask of about `share` of the rows: those whose id, read as a number, is in the lowest part."""
    raw = np.frombuffer(b"".join(ids.to_pylist()), np.uint8).reshape(-1, 16)
    # the last 8 bytes, since the first 8 decide shuffles, and the two must be independent
    numbers = raw[:, 8:].copy().view("<u8").ravel()
    return pa.array(numbers.astype(np.float64) < share * 2.0**64)


@dataclass(frozen=True)
class DrawTrainingSample:
    """Selects rows to train a tokenizer, as one binary column `data`: UTF-8, RGB squares, or float32 waves."""

    modality: Modality
    share: float
    limits: Limits
    size: int = 0  # side of the squares, or sample rate of the waves
    counted: bool = False

    @property
    def name(self) -> str:
        """Name of the stage; each modality has its own folder of parts."""
        return f"draw-{self.modality.name.lower()}"

    def identity(self) -> list[object]:
        """Version, share, size, limits and decoders."""
        body = [DRAW_VERSION, self.share, self.size, self.limits.identity_body()]
        return body + decoding_identity(self.modality)

    def run(self, table: pa.Table) -> Outcome:
        """Select and decode rows; one that cannot be decoded is left to the encoding stage to report."""
        column = self.modality.name.lower()
        chosen = table.select(["source", column]).filter(draw_training_sample(table["id"], self.share))
        if self.modality is Modality.TEXT:
            data = pc.cast(chosen[column], pa.binary())
        else:
            data = pa.array([self._decode(value.as_py()) for value in chosen[column]], pa.binary())
        out = pa.table({"source": chosen["source"], "data": data})
        return Outcome(out.filter(pc.is_valid(out["data"])), DROPPED.empty_table())

    def _decode(self, data: bytes) -> bytes | None:
        try:
            if self.modality is Modality.IMAGE:
                return square(data, self.size, self.limits.pixels).tobytes()
            return wave_of(data, self.size, self.limits.seconds).tobytes()
        except (BadPicture, BadClip):
            return None
