"""Raw rows of the sources, read again: their fields, and their pictures and clips as far as these can be decoded.

For dropped rows, which have no tokens to be decoded, and beside a segment.
"""

from functools import lru_cache
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ...pipelines.inspection.browse.media import peaks, png, sound_of, wav
from ...pipelines.inspection.browse.media_lock import MEDIA_LOCK
from ...pipelines.inspection.browse.original_media import Missing, clip_as_heard, whole_picture
from ...pipelines.inspection.originals import Origin
from ...pipelines.inspection.raw_rows import RawRows
from ...schemas.config.run import Limits
from .cards import size_in_file
from .items import Item
from .media_answers import ranged, there
from .site import Site, whole
from .templates import render

KEPT_BYTES = 64_000_000  # of the images and clips of a page
RATE = 16_000  # samples per second, where the dataset has no audio tokenizer


def routes(site: Site) -> list[Route]:
    """The pages below `/ITEM/`; the query names the source, the file and the row."""
    return [
        Route("/{item:int}/raw", lambda request: _row(site, request)),
        Route("/{item:int}/raw-media", lambda request: _media(site, request)),
        Route("/{item:int}/raw.png", lambda request: _picture(site, request)),
        Route("/{item:int}/raw.wav", lambda request: _clip(site, request)),
    ]


@lru_cache(maxsize=8)
def raw_rows(item: Item) -> RawRows:
    """Reads raw rows of a dataset; what a page has read stays for its pictures and clips."""
    return RawRows(item.dataset, KEPT_BYTES)


def _origin(request: Request) -> Origin:
    named = request.query_params
    return named.get("source", ""), named.get("file", ""), whole(request, "row", 0)


def _row(site: Site, request: Request) -> Response:
    item, origin = site.item(request), _origin(request)
    with MEDIA_LOCK:
        fields = raw_rows(item).read([origin]).get(origin)
    return HTMLResponse(render("raw_row.html", fields=fields, **_shown(item, request)))


def _media(site: Site, request: Request) -> Response:
    return HTMLResponse(render("raw_media.html", **_shown(site.item(request), request)))


def _shown(item: Item, request: Request) -> dict[str, Any]:
    """The files of a row as a page shows them: facts, or why they cannot be decoded."""
    files = _files(item, request)
    shown: dict[str, Any] = {"item": item, "query": request.url.query, "image": None, "audio": None}
    if "image" in files:
        pixels = whole_picture(files["image"], Limits().pixels)
        shown["image"] = (
            {"missing": pixels.why} if isinstance(pixels, Missing) else {"size": size_in_file(files["image"])}
        )
    if "audio" in files:
        wave = clip_as_heard(files["audio"], rate := rate_of(item), Limits().seconds)
        if isinstance(wave, Missing):
            shown["audio"] = {"missing": wave.why}
        else:
            shown["audio"] = {"peaks": peaks(wave, 200), "sound": sound_of(wave, rate)}
    return shown


def _files(item: Item, request: Request) -> dict[str, bytes]:
    with MEDIA_LOCK:
        return raw_rows(item).media(_origin(request))


def rate_of(item: Item) -> int:
    """Samples per second at which clips are played."""
    return item.media.sample_rate if "audio" in item.dataset.manifest.tokenizers else RATE


def _file(site: Site, request: Request, name: str) -> bytes:
    files = _files(site.item(request), request)
    if name not in files:
        raise HTTPException(404, f"The row has no {name}, or its source does not have it any more.")
    return files[name]


def _picture(site: Site, request: Request) -> Response:
    pixels = there(whole_picture(_file(site, request, "image"), Limits().pixels))
    return Response(png(pixels), media_type="image/png")


def _clip(site: Site, request: Request) -> Response:
    rate = rate_of(site.item(request))
    wave = there(clip_as_heard(_file(site, request, "audio"), rate, Limits().seconds))
    return ranged(request, wav(wave, rate), "audio/wav")
