"""One id space for three modalities: [specials 0..255 | text | image | audio codebook 0 | audio codebook 1 | …]."""

from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from .errors import Mismatch
from .identity import fingerprint

SPECIALS = 256


class Special(IntEnum):
    """Special token ids below 256. PAD and MASK are never predicted; EOS ends a text span and counts as text."""

    PAD = 0
    MASK = 1
    EOS = 2
    BOI = 3
    EOI = 4
    BOA = 5
    EOA = 6
    TASK = 15  # an empty task slot: the trainer draws the task and writes its token here
    TEXT = 16
    T2I = 17
    I2T = 18
    T2S = 19
    S2T = 20
    JOINT = 21


class Modality(IntEnum):
    """Modality of a position of a packed row; SPECIAL covers padding, task slots and BOI/EOI/BOA/EOA."""

    SPECIAL = 0
    TEXT = 1
    IMAGE = 2
    AUDIO = 3


class Kind(StrEnum):
    """Kind of a sample: the set of its modalities."""

    TEXT = "text"
    IMAGE_TEXT = "image-text"
    AUDIO_TEXT = "audio-text"
    IMAGE_AUDIO_TEXT = "image-audio-text"

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities of a sample of this kind, in the order of its spans."""
        return tuple(m for m in (Modality.TEXT, Modality.IMAGE, Modality.AUDIO) if m.name.lower() in self.value)

    @property
    def code(self) -> int:
        """The integer that stands for this kind in a segment table."""
        return list(Kind).index(self)


class Slice(NamedTuple):
    """The half-open range of ids of one codebook."""

    modality: Modality
    codebook: int
    start: int
    stop: int


class Vocabulary(BaseModel):
    """Layout of the id space and fingerprints of the tokenizers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    text: PositiveInt
    image: NonNegativeInt = 0
    audio: tuple[PositiveInt, ...] = ()
    tokenizers: dict[str, str] = Field(default_factory=dict)

    @cached_property
    def slices(self) -> tuple[Slice, ...]:
        """All id ranges in order; together they cover 0..size-1 without overlap."""
        blocks = [(Modality.SPECIAL, 0, SPECIALS), (Modality.TEXT, 0, self.text), (Modality.IMAGE, 0, self.image)]
        blocks += [(Modality.AUDIO, level, size) for level, size in enumerate(self.audio)]
        starts = np.cumsum([0] + [size for *_, size in blocks]).tolist()
        return tuple(
            Slice(modality, codebook, start, start + size)
            for (modality, codebook, size), start in zip(blocks, starts, strict=False)
            if size
        )

    @property
    def size(self) -> int:
        """Number of ids."""
        return self.slices[-1].stop

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """The narrowest unsigned integer type that holds every id."""
        return np.min_scalar_type(self.size - 1)

    def slice_of(self, modality: Modality, codebook: int = 0) -> Slice:
        """Return the id range of a codebook.

        Raises:
            KeyError: The vocabulary has no such codebook.
        """
        for block in self.slices:
            if (block.modality, block.codebook) == (modality, codebook):
                return block
        raise KeyError(f"this vocabulary has no {modality.name.lower()} codebook {codebook}")

    def modality_of(self, ids: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Return the modality of each id.

        Raises:
            ValueError: An id is outside the vocabulary.
        """
        ids = np.asarray(ids)
        if ids.size and (int(ids.min()) < 0 or int(ids.max()) >= self.size):
            raise ValueError(f"ids {ids.min()}..{ids.max()} are outside the vocabulary 0..{self.size - 1}")
        owners: npt.NDArray[np.uint8] = self._owners[ids]
        return owners

    @cached_property
    def _owners(self) -> npt.NDArray[np.uint8]:
        sizes = [block.stop - block.start for block in self.slices]
        return np.repeat(np.array([block.modality for block in self.slices], np.uint8), sizes)

    def audio_offsets(self, levels: int) -> npt.NDArray[np.int64]:
        """Return the (levels,) id offsets of the first audio codebooks: id = code + offset."""
        return np.array([self.slice_of(Modality.AUDIO, level).start for level in range(levels)], np.int64)

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the layout and of the tokenizers."""
        return fingerprint("vocabulary", self.model_dump(mode="json"))

    def require(self, other: "Vocabulary", mine: str, theirs: str) -> None:
        """Check that `other` is the same vocabulary.

        Args:
            other: The vocabulary to compare with.
            mine: Name of the owner of this vocabulary, for the message.
            theirs: Name of the owner of the other one.

        Raises:
            Mismatch: The fingerprints differ; the message names both.
        """
        if self.fingerprint != other.fingerprint:
            fix = "Prepare both with the same tokenizers (give the first run's folders as `path`)."
            raise Mismatch.between("vocabulary", (mine, self.fingerprint), (theirs, other.fingerprint), fix)
