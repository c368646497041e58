"""A segment as templates show it: as a card among others, whole, and beside its original."""

from typing import Any

from ...pipelines.inspection.browse.media import peaks, psnr, sound_of
from ...pipelines.inspection.browse.original_media import Missing
from ...pipelines.inspection.browse.segment_detail import SegmentDetail
from ...schemas.vocabulary import Modality
from .items import Item

EXCERPT = 400
PIECES = 20_000  # of a text that are shown token by token


def segment_card(item: Item, row: int, number: int) -> dict[str, Any]:
    """A segment in short: its origin, an excerpt, and the addresses of its image and its clip, if it has them."""
    detail = item.media.detail(row, number)
    text = item.media.text(row, number)
    media = f"/{item.number}/media/{row}/{number}/"
    return {
        "detail": detail,
        "excerpt": text[:EXCERPT] + ("…" if len(text) > EXCERPT else ""),
        "image": f"{media}decoded.png" if Modality.IMAGE in detail.codes else None,
        "audio": f"{media}decoded.wav" if Modality.AUDIO in detail.codes else None,
        "seconds": seconds_of(item, detail),
    }


def seconds_of(item: Item, detail: SegmentDetail) -> float | None:
    """Length of a segment's clip, if it has one."""
    return detail.place["samples"] / item.media.sample_rate if Modality.AUDIO in detail.codes else None


def segment_view(item: Item, row: int, number: int) -> dict[str, Any]:
    """A segment whole, without what has to be read from its source."""
    detail = item.media.detail(row, number)
    pieces = item.media.pieces(detail)
    view: dict[str, Any] = {
        "detail": detail,
        "pieces": pieces[:PIECES],
        "more_pieces": max(0, len(pieces) - PIECES),
        "characters": sum(len(piece.text) for piece in pieces if piece.whole),
        "media": f"/{item.number}/media/{row}/{number}/",
        "image": None,
        "audio": None,
    }
    if Modality.IMAGE in detail.codes:
        codes = detail.codes[Modality.IMAGE]
        side = round(len(codes.codes) ** 0.5)
        grid = codes.codes.reshape(side, side).tolist() if side * side == len(codes.codes) else [codes.codes.tolist()]
        view["image"] = {"grid": grid, "pixels": item.media.image(row, number).shape[0]}
    if Modality.AUDIO in detail.codes:
        wave = item.media.wave(row, number)
        codes = detail.codes[Modality.AUDIO]
        view["audio"] = {
            "peaks": peaks(wave),
            "sound": sound_of(wave, item.media.sample_rate),
            "rate": item.media.sample_rate,
            "levels": codes.codes.T.tolist(),
            "frames": len(codes.codes),
        }
    return view


def original_view(item: Item, row: int, number: int) -> dict[str, Any]:
    """The original of a segment beside what was decoded, or why it cannot be read."""
    detail = item.media.detail(row, number)
    view: dict[str, Any] = {"detail": detail, "media": f"/{item.number}/media/{row}/{number}/"}
    view |= {"text": None, "image": None, "audio": None}
    if detail.kind == "text":
        text = item.media.original(row, number, Modality.TEXT)
        view["text"] = {"missing": text.why} if isinstance(text, Missing) else {"text": str(text)}
    if Modality.IMAGE in detail.codes:
        view["image"] = _image(item, row, number)
    if Modality.AUDIO in detail.codes:
        view["audio"] = _audio(item, row, number)
    return view


def _image(item: Item, row: int, number: int) -> dict[str, Any]:
    seen = item.media.original_image(row, number)
    if isinstance(seen, Missing):
        return {"missing": seen.why}
    decoded = item.media.image(row, number)
    data = item.media.original(row, number, Modality.IMAGE)
    assert isinstance(data, bytes)
    same = seen.shape == decoded.shape
    return {"psnr": psnr(seen, decoded) if same else None, "bytes": len(data), "size": size_in_file(data), "same": same}


def size_in_file(data: bytes) -> tuple[int, int] | None:
    """Width and height of an image file; None where it cannot be decoded."""
    from ...tokenizers.image.decode_picture import BadPicture, size_of

    try:
        return size_of(data)
    except BadPicture:
        return None


def _audio(item: Item, row: int, number: int) -> dict[str, Any]:
    wave = item.media.original_wave(row, number)
    if isinstance(wave, Missing):
        return {"missing": wave.why}
    data = item.media.original(row, number, Modality.AUDIO)
    assert isinstance(data, bytes)
    rate = item.media.sample_rate
    return {"peaks": peaks(wave), "sound": sound_of(wave, rate), "bytes": len(data), "rate": rate}
