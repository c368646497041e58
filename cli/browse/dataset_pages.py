"""Pages of a dataset: its overview, its packed rows and its segments."""

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ...pipelines.inspection.browse.code_use import code_uses
from ...pipelines.inspection.browse.draw import draw_segments
from ...pipelines.inspection.browse.roundtrip import round_trips
from ...pipelines.inspection.browse.row_strips import row_strips
from ...pipelines.inspection.browse.segment_detail import cluster_of
from .cards import original_view, segment_card, segment_view
from .items import Item
from .overview_page import overview_context
from .site import Site, whole
from .templates import render

ROWS = 40  # of a page
SAMPLE = 12


def routes(site: Site) -> list[Route]:
    """The pages below `/ITEM/`."""
    return [
        Route("/{item:int}/", lambda request: _overview(site, request)),
        Route("/{item:int}/codes", lambda request: _codes(site, request)),
        Route("/{item:int}/roundtrip", lambda request: _round_trip(site, request)),
        Route("/{item:int}/gallery", lambda request: _gallery(site, request)),
        Route("/{item:int}/sample", lambda request: _sample(site, request)),
        Route("/{item:int}/rows", lambda request: _rows(site, request)),
        Route("/{item:int}/row/{row:int}", lambda request: _row(site, request)),
        Route("/{item:int}/row/{row:int}/{number:int}", lambda request: _segment(site, request)),
        Route("/{item:int}/original/{row:int}/{number:int}", lambda request: _original(site, request)),
    ]


def _overview(site: Site, request: Request) -> Response:
    item = site.item(request)
    if item.kind != "dataset":
        return RedirectResponse(f"/{item.number}/{item.kind}")
    return site.page("overview.html", item=item, tab="overview", title=item.name, **overview_context(item))


def _codes(site: Site, request: Request) -> Response:
    item = site.item(request)
    return HTMLResponse(render("codes.html", uses=code_uses(item.dataset)))


def _round_trip(site: Site, request: Request) -> Response:
    return HTMLResponse(render("roundtrip.html", trips=round_trips(site.item(request).media)))


def _gallery(site: Site, request: Request) -> Response:
    item = site.item(request)
    return HTMLResponse(render("cards.html", cards=by_group(item, whole(request, "seed", 0)), offline=False, item=item))


def by_group(item: Item, seed: int, each: int = 4) -> list[dict[str, Any]]:
    """A few segments of every group of rows."""
    places = [place for group in item.dataset.shards.groups for place in draw_segments(item.dataset, each, seed, group)]
    return [segment_card(item, row, number) for row, number in places]


def _sample(site: Site, request: Request) -> Response:
    item = site.item(request)
    if "seed" not in request.query_params:
        return RedirectResponse(f"/{item.number}/sample?seed={secrets.randbelow(1_000_000)}")
    seed, group = whole(request, "seed", 0), request.query_params.get("group") or None
    places = draw_segments(item.dataset, SAMPLE, seed, group)
    cards = [segment_card(item, row, number) for row, number in places]
    groups = item.dataset.shards.groups
    shown = {"cards": cards, "seed": seed, "group": group, "groups": groups, "next_seed": secrets.randbelow(1_000_000)}
    return site.page("sample.html", item=item, tab="sample", title=f"{item.name}: random sample", **shown)


def _rows(site: Site, request: Request) -> Response:
    item = site.item(request)
    start = whole(request, "start", 0, 0, max(0, item.dataset.rows - 1))
    rows = list(row_strips(item.dataset, start, ROWS))
    context = {"item": item, "rows": rows, "start": start, "count": ROWS, "of": item.dataset.rows}
    if "part" in request.query_params:
        return HTMLResponse(render("row_list.html", **context))
    return site.page("rows.html", tab="rows", title=f"{item.name}: rows", **context)


def _row(site: Site, request: Request) -> Response:
    item, row = site.item(request), int(request.path_params["row"])
    item.dataset.row(row)  # its refusal names the rows that there are
    (strips,) = row_strips(item.dataset, row, 1)
    texts = {strip.number: item.media.text(row, strip.number)[:160] for strip in strips.strips[:200]}
    title = f"{item.name}: row {row:,}"
    shown = {"strips": strips, "texts": texts, "of": item.dataset.rows}
    return site.page("row.html", item=item, tab="rows", title=title, **shown)


def _segment(site: Site, request: Request) -> Response:
    item = site.item(request)
    row, number = int(request.path_params["row"]), int(request.path_params["number"])
    view = segment_view(item, row, number)
    cluster = cluster_of(item.dataset, view["detail"].id)
    title = f"{item.name}: row {row:,}, segment {number}"
    shown = {**view, "cluster": cluster, "of_rows": item.dataset.rows}
    return site.page("segment.html", item=item, tab="rows", title=title, **shown)


def _original(site: Site, request: Request) -> Response:
    item = site.item(request)
    row, number = int(request.path_params["row"]), int(request.path_params["number"])
    return HTMLResponse(render("original.html", item=item, **original_view(item, row, number)))
