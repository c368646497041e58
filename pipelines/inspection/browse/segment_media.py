"""Decodes the pictures and clips of segments, and reads their originals; what was shown last is kept for a while."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache
from threading import Lock
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ....schemas.config.run import Limits
from ....schemas.errors import Refusal
from ....schemas.vocabulary import Modality
from ....tokenizers.protocol import Pixels, Wave
from ..originals import sources_of
from ..show import Decoder
from .browsed import BrowsedDataset
from .media_lock import MEDIA_LOCK
from .original_media import Missing, clip_as_heard, picture_as_seen, read_originals, whole_picture
from .segment_detail import SegmentDetail, segment_detail
from .text_pieces import Piece, text_pieces

KEPT = 32  # decoded segments that stay in memory
T = TypeVar("T")


class SegmentMedia:
    """Decoded segments of one dataset. Methods may be called from several threads; tokenizers run one at a time."""

    def __init__(self, dataset: BrowsedDataset) -> None:
        self.dataset = dataset
        self.bundle = Decoder(dataset).bundle
        self._lock = Lock()
        self._texts = Lock()  # of its own, since loading an image tokenizer takes seconds
        self.detail = self._kept(lambda row, number: segment_detail(dataset, row, number))
        self.image = self._kept(self._image)
        self.wave = self._kept(self._wave)
        self._originals: OrderedDict[tuple[str, Modality], bytes | str | Missing] = OrderedDict()

    def _kept(self, make: Callable[[int, int], T]) -> Callable[[int, int], T]:
        return lru_cache(maxsize=KEPT)(make)

    @property
    def sample_rate(self) -> int:
        """Samples per second of decoded clips."""
        return int(self.dataset.manifest.tokenizers["audio"].card.sample_rate or 1)

    def text(self, row: int, number: int) -> str:
        """Decode the text of a segment; empty if it has none."""
        codes = self.detail(row, number).codes
        return self.decoded_text(codes[Modality.TEXT].codes) if Modality.TEXT in codes else ""

    def decoded_text(self, codes: npt.NDArray[np.int64]) -> str:
        """Decode the codes of a text."""
        with self._texts:
            return self.bundle.text.decode(codes)

    def pieces(self, detail: SegmentDetail) -> list[Piece]:
        """Cut the text of a segment at its tokens; empty if it has none."""
        if Modality.TEXT not in detail.codes:
            return []
        with self._texts:
            return text_pieces(self.bundle.text, detail.codes[Modality.TEXT].codes)

    def _image(self, row: int, number: int) -> Pixels:
        codes = self._codes(row, number, Modality.IMAGE)
        with MEDIA_LOCK:
            pixels: Pixels = self.bundle.image.decode(codes[None])[0]
        return pixels

    def _wave(self, row: int, number: int) -> Wave:
        codes = self._codes(row, number, Modality.AUDIO)
        with MEDIA_LOCK:
            wave: Wave = np.asarray(self.bundle.audio.decode(codes), np.float32)
        return wave

    def _codes(self, row: int, number: int, modality: Modality) -> Any:
        found = self.detail(row, number).codes
        if modality not in found:
            raise Refusal(f"segment {number} of row {row} has no {modality.name.lower()}.")
        return found[modality].codes

    def original(self, row: int, number: int, modality: Modality) -> bytes | str | Missing:
        """Read the file or the text of a segment's document again from its source."""
        return self.read_ahead([(row, number)], modality)[self.detail(row, number).id]

    def read_ahead(self, places: Sequence[tuple[int, int]], modality: Modality) -> dict[str, bytes | str | Missing]:
        """Read the originals of several segments in one pass over their files; they are kept for a while."""
        details = [self.detail(*place) for place in places]
        with self._lock:
            absent = [detail for detail in details if (detail.id, modality) not in self._originals]
            for document, value in (read_originals(self.dataset, absent, modality) if absent else {}).items():
                self._originals[document, modality] = value
            found = {detail.id: self._originals[detail.id, modality] for detail in details}
            while len(self._originals) > KEPT:
                self._originals.popitem(last=False)
        return found

    def original_image(self, row: int, number: int, whole: bool = False) -> Pixels | Missing:
        """Read the original image again: as the tokenizer saw it, or `whole`."""
        data = self.original(row, number, Modality.IMAGE)
        if not isinstance(data, bytes):
            return data if isinstance(data, Missing) else Missing("the source has a text here")
        most = self._limits.pixels
        return whole_picture(data, most) if whole else picture_as_seen(data, self.image(row, number).shape[0], most)

    def original_wave(self, row: int, number: int) -> Wave | Missing:
        """Read the original clip again, mono at the tokenizer's sample rate."""
        data = self.original(row, number, Modality.AUDIO)
        if not isinstance(data, bytes):
            return data if isinstance(data, Missing) else Missing("the source has a text here")
        return clip_as_heard(data, self.sample_rate, self._limits.seconds)

    @property
    def _limits(self) -> Limits:
        try:
            return sources_of(self.dataset).limits
        except Refusal:
            return Limits()
