"""The round trip of each tokenizer on a few documents: decoded from the tokens, beside the original read again."""

from dataclasses import dataclass

import numpy as np

from ....schemas.vocabulary import Kind, Modality
from ....tokenizers.protocol import Wave
from .draw import draw_segments
from .media import mel_spectrum, psnr
from .original_media import Missing
from .segment_media import SegmentMedia

SAMPLES = 10
CANDIDATES = 6 * SAMPLES  # segments drawn, of which whole documents are taken


@dataclass(frozen=True)
class Trip:
    """Result of a modality."""

    modality: str
    asked: int
    read: int  # whose originals could be read again
    exact: int = 0  # texts that came back exactly
    mean: float = 0.0  # PSNR of images, log-mel distance of clips, both in decibels
    least: float = 0.0
    most: float = 0.0
    why: str = ""  # why an original could not be read


def round_trips(media: SegmentMedia, seed: int = 0) -> list[Trip]:
    """Measure the round trip of each modality on some documents drawn at random."""
    places = [
        place
        for group in media.dataset.shards.groups
        for place in draw_segments(media.dataset, CANDIDATES, seed, group)
    ]
    trips = []
    for modality in (Modality.TEXT, Modality.IMAGE, Modality.AUDIO):
        name = modality.name.lower()
        if name in media.dataset.manifest.tokenizers:
            chosen = [place for place in places if _fits(media, place, modality)][:SAMPLES]
            trips.append(_trip(media, chosen, modality))
    return trips


def _fits(media: SegmentMedia, place: tuple[int, int], modality: Modality) -> bool:
    """Whether a segment is a whole document of the modality; texts are taken from documents of text alone."""
    detail = media.detail(*place)
    whole = detail.place["offset"] == 0 and detail.place["last"] and modality in detail.codes
    return whole and (modality is not Modality.TEXT or detail.kind == Kind.TEXT)


def _trip(media: SegmentMedia, places: list[tuple[int, int]], modality: Modality) -> Trip:
    found: list[float] = []
    why = ""
    media.read_ahead(places, modality)
    for row, number in places:
        result = _measured(media, row, number, modality)
        if isinstance(result, Missing):
            why = result.why
        else:
            found.append(result)
    name = modality.name.lower()
    if not found:
        return Trip(name, len(places), 0, why=why)
    finite = [value for value in found if np.isfinite(value)] or [0.0]
    return Trip(name, len(places), len(found), int(sum(found)) if modality is Modality.TEXT else 0,
                float(np.mean(finite)), min(finite), max(finite))  # fmt: skip


def _measured(media: SegmentMedia, row: int, number: int, modality: Modality) -> float | Missing:
    if modality is Modality.TEXT:
        text = media.original(row, number, modality)
        return text if isinstance(text, Missing) else float(text == media.text(row, number))
    if modality is Modality.IMAGE:
        seen, decoded = media.original_image(row, number), media.image(row, number)
        return seen if isinstance(seen, Missing) else psnr(seen, decoded)
    wave = media.original_wave(row, number)
    return wave if isinstance(wave, Missing) else _mel_distance(wave, media.wave(row, number), media.sample_rate)


def _mel_distance(left: Wave, right: Wave, rate: int) -> float:
    """Mean absolute difference of two log-mel spectra in decibels, over the time that both have."""
    a, b = mel_spectrum(left, rate), mel_spectrum(right, rate)
    frames = min(len(a), len(b))
    return float(np.abs(a[:frames] - b[:frames]).mean())
