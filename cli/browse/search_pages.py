"""The page that finds segments by their text and columns, and its stream of hits."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from ...pipelines.filters.taken_down import is_id
from ...pipelines.inspection.browse.find import Hit, Query, SearchReport, find
from ...pipelines.inspection.browse.find_id import find_id
from ...schemas.vocabulary import Kind
from .cards import segment_card
from .items import Item
from .site import Site, whole
from .templates import render

HITS = 100


def routes(site: Site) -> list[Route]:
    """The pages below `/ITEM/`."""
    return [
        Route("/{item:int}/search", lambda request: _search(site, request)),
        Route("/{item:int}/search/stream", lambda request: _stream(site, request)),
        Route("/{item:int}/go", lambda request: _go(site, request)),
    ]


def _search(site: Site, request: Request) -> Response:
    item = site.item(request)
    statistics = item.dataset.manifest.statistics.sources
    columns = {name for source in item.dataset.manifest.config["sources"] for name in source.get("keep") or ()}
    choices: dict[str, Any] = {
        "sources": list(statistics),
        "kinds": sorted({source.kind for source in statistics.values()}),
        "licenses": sorted({name for source in statistics.values() for name in source.licenses}),
        "columns": sorted(columns),
    }
    given = dict(request.query_params)
    any_condition = document_of(given) is not None or not query_of(given).empty
    asked = {"given": given, "asked": any_condition, "query_string": request.url.query}
    return site.page("search.html", item=item, tab="search", title=f"{item.name}: search", **asked, **choices)


def document_of(given: Mapping[str, str]) -> bytes | None:
    """Read the document id of the form; None where there is none."""
    identity = given.get("id", "").strip().lower()
    return bytes.fromhex(identity) if is_id(identity) else None


def query_of(given: Mapping[str, str]) -> Query:
    """Read a query from the fields of the form; what is empty or no number is no condition."""

    def text(name: str) -> str | None:
        return given.get(name, "").strip() or None

    def count(name: str) -> int | None:
        value = given.get(name, "").strip()
        return int(value) if value.isdigit() else None

    kind = text("kind")
    return Query(
        text=text("q"),
        source=text("source"),
        kind=kind if kind in list(Kind) else None,
        license="" if given.get("license") == NONE else text("license"),
        least=count("least"),
        most=count("most"),
        column=text("column"),
        value=text("value"),
    )


NONE = "(none)"  # the licence of a document without one


def _stream(site: Site, request: Request) -> Response:
    item = site.item(request)
    document = document_of(request.query_params)
    if document is not None:
        found = _of_document(item, document)
    else:
        found = find(item.media, query_of(request.query_params), whole(request, "seed", 0), HITS)
    lines = (json.dumps(_line(item, each)) + "\n" for each in found)
    return StreamingResponse(lines, media_type="application/x-ndjson", headers={"cache-control": "no-store"})


def _of_document(item: Item, document: bytes) -> Iterator[Hit | SearchReport]:
    """The segments of one document, which are found without a search; other conditions are not needed then."""
    places = find_id(item.dataset, document)
    yield from (Hit(row, number, "", "", "") for row, number in places[:HITS])
    yield SearchReport(item.dataset.rows, item.dataset.rows, len(places), len(places), 0.0, done=True)


def _line(item: Item, each: Hit | SearchReport) -> dict[str, Any]:
    if isinstance(each, Hit):
        card = segment_card(item, each.row, each.number)
        return {"hit": render("card.html", item=item, offline=False, card=card, hit=each if each.match else None)}
    finite = each.error if each.error != float("inf") else None
    return {"report": each._asdict() | {"error": finite}}


def _go(site: Site, request: Request) -> Response:
    """Go to a row by its number, or to a document by its id."""
    item, to = site.item(request), request.query_params.get("to", "").strip().replace(",", "")
    if is_id(to):
        return RedirectResponse(f"/{item.number}/search?id={to}")
    row = int(to) if to.isdigit() else 0
    return RedirectResponse(f"/{item.number}/row/{min(row, max(0, item.dataset.rows - 1))}")
