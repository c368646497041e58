"""The page that compares two datasets, or two runs."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ...pipelines.inspection.browse.compare import (
    config_difference,
    document_difference,
    length_tests,
    mix_divergence,
)
from ...pipelines.inspection.browse.draw import draw_segments
from ...pipelines.inspection.browse.funnel import funnel
from ...pipelines.inspection.browse.overview import overview
from .cards import segment_card
from .items import Item
from .run_pages import run_data
from .sample_pages import side_by_side
from .site import Site, whole

DRAWN = 6  # segments of each dataset


def routes(site: Site) -> list[Route]:
    """The page `/compare`."""
    return [Route("/compare", lambda request: _compare(site, request))]


def _compare(site: Site, request: Request) -> Response:
    if "a" not in request.query_params:
        pair = _first_pair(site)
        return RedirectResponse(f"/compare?a={pair[0].number}&b={pair[1].number}")
    last = len(site.items) - 1
    left, right = (site.items[whole(request, name, at, 0, last)] for at, name in enumerate("ab"))
    if left.kind != right.kind or left.kind == "preparation":
        raise HTTPException(404, "Two datasets or two runs can be compared.")
    seed = whole(request, "seed", 0)
    context = _datasets(left, right, seed) if left.kind == "dataset" else _runs(site, left, right)
    shown = {"left": left, "right": right, "same_kind": [each for each in site.items if each.kind == left.kind]}
    return site.page(f"compare_{left.kind}s.html", item=None, tab="compare", title="Compare", **shown, **context)


def _first_pair(site: Site) -> tuple[Item, Item]:
    for kind in ("dataset", "run"):
        found = [each for each in site.items if each.kind == kind]
        if len(found) > 1:
            return found[0], found[1]
    raise HTTPException(404, "Give two datasets or two runs: triptych browse A B.")


def _datasets(left: Item, right: Item, seed: int) -> dict[str, Any]:
    before, after = left.dataset.manifest, right.dataset.manifest
    sides = (left, right)
    documents = document_difference(left.dataset, right.dataset, seed)
    return {
        "facts": (overview(left.dataset), overview(right.dataset)),
        "funnels": (funnel(before), funnel(after)),
        "config": config_difference(before.config, after.config),
        "tokenizers": {
            name: tuple(m.tokenizers[name].card.fingerprint if name in m.tokenizers else None for m in (before, after))
            for name in ("text", "image", "audio")
            if name in before.tokenizers or name in after.tokenizers
        },
        "fingerprints": (before.fingerprint, after.fingerprint),
        "tests": length_tests(before, after),
        "divergence": mix_divergence(before, after),
        "documents": documents,
        "same": [
            (segment_card(left, *here), segment_card(right, *there))
            for here, there in (documents.same_examples if documents else ())
        ],
        "drawn": [[segment_card(item, *place) for place in draw_segments(item.dataset, DRAWN, seed)] for item in sides],
        "seed": seed,
        "removed": [segment_card(left, *place) for place in documents.removed_examples] if documents else [],
        "added": [segment_card(right, *place) for place in documents.added_examples] if documents else [],
    }


def _runs(site: Site, left: Item, right: Item) -> dict[str, Any]:
    records = left.curves.record, right.curves.record
    configs = [record.config if record else {} for record in records]
    data = [run_data(site, left), run_data(site, right)]
    return {
        "config": config_difference(*configs),
        "data": data,
        "charts": data,
        "live": False,
        "prompts": side_by_side(left, right),
    }
