"""Pages of what is not in the rows: dropped rows by reason, and clusters of duplicates."""

from functools import lru_cache
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...pipelines.inspection.browse.cluster_page import MEMBERS, ClusterView, cluster_media, clusters_page
from ...pipelines.inspection.browse.dropped_page import Dropped, dropped_page
from ...pipelines.inspection.browse.media import png, wav
from ...pipelines.inspection.browse.original_media import Missing, clip_as_heard, whole_picture
from ...schemas.config.run import Limits
from .items import Item
from .media_answers import there
from .raw_pages import raw_rows
from .site import Site, whole

LINES, CLUSTERS = 50, 10


def routes(site: Site) -> list[Route]:
    """The pages below `/ITEM/`."""
    return [
        Route("/{item:int}/dropped", lambda request: _dropped(site, request)),
        Route("/{item:int}/duplicates", lambda request: _duplicates(site, request)),
        Route("/{item:int}/cluster/{cluster:int}", lambda request: _cluster(site, request)),
        Route("/{item:int}/cluster/{cluster:int}/{document}.{kind}", lambda request: _member(site, request)),
    ]


def _dropped(site: Site, request: Request) -> Response:
    item = site.item(request)
    reason, source, file = (request.query_params.get(name) or None for name in ("reason", "source", "file"))
    start = whole(request, "start", 0)
    page = dropped_page(item.dataset, raw_rows(item), Dropped(reason, source, file), start, LINES)
    counts: dict[str, dict[str, int]] = {}
    for tally in item.dataset.manifest.ledger:
        if source in (None, tally.source):
            for name, rows in tally.dropped.items():
                stages = counts.setdefault(name, {})
                stages[tally.stage] = stages.get(tally.stage, 0) + rows
    shown: dict[str, Any] = {
        "page": page,
        "reason": reason,
        "source": source,
        "file": file,
        "counts": counts,
        "lines": LINES,
    }
    shown["sources"] = list(dict.fromkeys(tally.source for tally in item.dataset.manifest.ledger))
    return site.page("dropped.html", item=item, tab="dropped", title=f"{item.name}: dropped rows", **shown)


def _duplicates(site: Site, request: Request) -> Response:
    item = site.item(request)
    total = sum(report.clusters for report in item.dataset.manifest.dedup)
    start = whole(request, "start", 1, 1, max(1, total))
    found = clusters_page(item.dataset, start, CLUSTERS)
    shown = {"clusters": found, "start": start, "of": total, "members": MEMBERS, "step": CLUSTERS}
    return site.page("duplicates.html", item=item, tab="duplicates", title=f"{item.name}: duplicates", **shown)


def _cluster(site: Site, request: Request) -> Response:
    item, cluster = site.item(request), _found(site.item(request), int(request.path_params["cluster"]))
    title = f"{item.name}: cluster {cluster.number}"
    return site.page("cluster.html", item=item, tab="duplicates", title=title, cluster=cluster, members=500)


def _found(item: Item, number: int) -> ClusterView:
    found = clusters_page(item.dataset, number, 1)
    if not found:
        raise HTTPException(404, f"There is no cluster {number}.")
    return found[0]


@lru_cache(maxsize=16)
def _media(item: Item, number: int) -> dict[bytes, bytes]:
    return cluster_media(item.dataset, _found(item, number))


def _member(site: Site, request: Request) -> Response:
    item, kind = site.item(request), request.path_params["kind"]
    try:
        document = bytes.fromhex(request.path_params["document"])
    except ValueError:
        raise HTTPException(404, "This is no document id.") from None
    data = _media(item, int(request.path_params["cluster"])).get(document)
    if data is None or kind not in ("png", "wav"):
        raise HTTPException(404, "Its source does not have it any more.")
    if kind == "png":
        return Response(png(there(whole_picture(data, Limits().pixels))), media_type="image/png")
    rate = item.media.sample_rate
    wave = clip_as_heard(data, rate, Limits().seconds)
    if isinstance(wave, Missing):
        raise HTTPException(404, wave.why)
    return Response(wav(wave, rate), media_type="audio/wav")
