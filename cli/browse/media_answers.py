"""Pictures and clips of segments as answers: decoded from codes, and the originals read again."""

from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...pipelines.inspection.browse.media import difference, png, spectrogram, wav
from ...pipelines.inspection.browse.original_media import Missing
from .items import Item
from .site import Site

TYPES = {"png": "image/png", "wav": "audio/wav"}


def routes(site: Site) -> list[Route]:
    """The files below `/ITEM/media/ROW/SEGMENT/`."""
    return [Route("/{item:int}/media/{row:int}/{number:int}/{name}", lambda request: _answer(site, request))]


def _answer(site: Site, request: Request) -> Response:
    item, name = site.item(request), request.path_params["name"]
    if name not in MAKERS:
        raise HTTPException(404, f"There is no {name}.")
    data = MAKERS[name](item, int(request.path_params["row"]), int(request.path_params["number"]))
    return ranged(request, data, TYPES[name.rpartition(".")[2]])


def ranged(request: Request, data: bytes, kind: str) -> Response:
    """Answer with a file or the range of it that was asked for, which players need for jumping."""
    headers = {"accept-ranges": "bytes", "cache-control": "private, max-age=300"}
    asked = request.headers.get("range", "")
    first, _, last = asked.removeprefix("bytes=").partition("-")
    if not asked.startswith("bytes=") or not first.isdigit() or int(first) >= len(data):
        return Response(data, media_type=kind, headers=headers)
    start, stop = int(first), min(int(last) + 1 if last.isdigit() else len(data), len(data))
    headers["content-range"] = f"bytes {start}-{stop - 1}/{len(data)}"
    return Response(data[start:stop], 206, media_type=kind, headers=headers)


def there(value: Any) -> Any:
    """Return a value that may be missing.

    Raises:
        HTTPException: It is missing.
    """
    if isinstance(value, Missing):
        raise HTTPException(404, value.why)
    return value


def _difference(item: Item, row: int, number: int) -> bytes:
    seen, decoded = there(item.media.original_image(row, number)), item.media.image(row, number)
    if seen.shape != decoded.shape:
        raise HTTPException(404, "The two images differ in size.")
    return png(difference(seen, decoded))


def _decoded_spectrogram(item: Item, row: int, number: int) -> bytes:
    return png(spectrogram(item.media.wave(row, number), item.media.sample_rate))


def _original_spectrogram(item: Item, row: int, number: int) -> bytes:
    return png(spectrogram(there(item.media.original_wave(row, number)), item.media.sample_rate))


MAKERS: dict[str, Callable[[Item, int, int], bytes]] = {
    "decoded.png": lambda item, row, number: png(item.media.image(row, number)),
    "original.png": lambda item, row, number: png(there(item.media.original_image(row, number))),
    "whole.png": lambda item, row, number: png(there(item.media.original_image(row, number, whole=True))),
    "difference.png": _difference,
    "decoded.wav": lambda item, row, number: wav(item.media.wave(row, number), item.media.sample_rate),
    "original.wav": lambda item, row, number: wav(there(item.media.original_wave(row, number)), item.media.sample_rate),
    "spectrogram.png": _decoded_spectrogram,
    "original-spectrogram.png": _original_spectrogram,
}
