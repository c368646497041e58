"""Pages of training runs, which follow them while they train, and of preparations in progress."""

import dataclasses
from typing import Any

import yaml
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ...pipelines.filters.taken_down import is_id
from ...pipelines.inspection.browse.media_lock import MEDIA_LOCK
from ...pipelines.inspection.browse.overview import duration
from ...pipelines.inspection.browse.preparation import preparation
from ...schemas.dataset.locate import segments_of_id
from ...schemas.errors import Refusal
from ...schemas.secrets import shown
from ...schemas.storage.store import Store
from ...train.control import control_of
from ...train.curves import chart_data, figures, trained_manifests, unigram_bits, validations
from ...train.run_state import seconds_left, state_of
from .items import Item
from .run_files import run_files
from .site import Site
from .templates import render

MOST_USES = 40  # of a segment that are listed


def routes(site: Site) -> list[Route]:
    """The pages below `/ITEM/`."""
    return [
        Route("/{item:int}/run", lambda request: _run(site, request)),
        Route("/{item:int}/run.json", lambda request: JSONResponse(run_data(site, site.item(request)))),
        Route("/{item:int}/uses/{document}", lambda request: _uses(site, request)),
        Route("/{item:int}/mix", lambda request: _mix(site, request)),
        Route("/{item:int}/preparation", lambda request: _preparation(site, request)),
    ]


def run_data(site: Site, item: Item) -> dict[str, Any]:
    """Everything that the charts of a run draw."""
    curves = item.curves
    lines, record, steps, age = curves.lines, curves.record, curves.steps, curves.age
    local = {
        other.dataset.manifest.fingerprint: other.dataset.manifest for other in site.items if other.kind == "dataset"
    }
    baseline = unigram_bits(trained_manifests(record, local))
    drawn, checks = chart_data(item.name, lines, baseline), validations(lines)
    series = drawn["series"]
    done = series["step"][-1] if series["step"] else 0
    state = state_of(done, steps, age)
    return {
        **drawn,
        "steps": steps,
        "done": done,
        "state": state,
        "left": (left := seconds_left(lines, steps)),
        "remaining": "" if left is None or state != "training" else f", about {duration(left)} left",
        "figures": figures(series, checks, baseline),
    }


def _run(site: Site, request: Request) -> Response:
    item = site.item(request)
    if item.kind != "run":
        return RedirectResponse(f"/{item.number}/")
    runs = [other for other in site.items if other.kind == "run" and other is not item]
    chosen = request.query_params.getlist("with")
    shown = [other for other in runs if not chosen or str(other.number) in chosen]
    context = run_context(site, item, [item, *shown])
    context["all_samples"] = request.query_params.get("samples") == "all"
    return site.page("run.html", item=item, tab="run", title=item.name, live=True, others=runs, **context)


def run_context(site: Site, item: Item, runs: list[Item]) -> dict[str, Any]:
    """What the page of a run shows: its figures, and the curves of it and of other runs."""
    record = item.curves.record
    charts = [run_data(site, each) for each in runs]
    train_file = yaml.safe_dump(record.config, sort_keys=False, allow_unicode=True) if record else ""
    control = control_of(item.path, record) if record else None
    return {
        "control": control,
        "record": record,
        "train_file": train_file,
        "data": charts[0],
        "runs": runs,
        "charts": charts,
    }


def _uses(site: Site, request: Request) -> Response:
    """The steps of a run that trained on a document."""
    item, name = site.item(request), request.path_params["document"]
    if not is_id(name):
        raise HTTPException(404, "This is no document id.")
    with MEDIA_LOCK, run_files(item) as folder:
        from ...train.trace.document_trace import trace_document
        from ...train.trace.traced_run import TracedRun

        run = TracedRun(folder)
        lines = trace_document(run, lambda tables: segments_of_id(tables, bytes.fromhex(name)))
    return HTMLResponse(render("uses.html", item=item, lines=lines, done=run.done, most=MOST_USES))


def _mix(site: Site, request: Request) -> Response:
    """What a run has read of each stream."""
    item = site.item(request)
    lines: list[dict[str, Any]] = []
    problem = None
    try:
        with MEDIA_LOCK, run_files(item) as folder:
            from ...train.trace.realised_mix import realised_mix
            from ...train.trace.traced_run import TracedRun

            lines = realised_mix(TracedRun(folder))
    except Refusal as refusal:
        problem = shown(str(refusal))
    return HTMLResponse(render("mix.html", lines=lines, problem=problem))


def _preparation(site: Site, request: Request) -> Response:
    item = site.item(request)
    progress = preparation(Store(item.path))
    context = {"item": item, "progress": progress, "steps": [dataclasses.asdict(step) for step in progress.steps]}
    if "part" in request.query_params:
        return HTMLResponse(render("preparation_steps.html", **context))
    return site.page("preparation.html", tab="preparation", title=item.name, **context)
