"""Samples of runs: by step, and beside those of another run for the same prompt."""

from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ...schemas.storage.store import Store
from ...train.sample_sets import PromptSamples, RunSample, by_prompt, run_samples, thinned
from .items import Item
from .media_answers import ranged
from .site import Site
from .templates import render

STEPS, PROMPTS = 6, 24  # shown at first
TYPES = {"png": "image/png", "wav": "audio/wav"}


def routes(site: Site) -> list[Route]:
    """The pages below `/ITEM/`."""
    return [
        Route("/{item:int}/samples", lambda request: _samples(site, request)),
        Route("/{item:int}/made/{path:path}", lambda request: _file(site, request)),
    ]


def _samples(site: Site, request: Request) -> Response:
    item = site.item(request)
    every = "all" in request.query_params
    return HTMLResponse(render("run_samples.html", item=item, **sample_context(item, every)))


def sample_context(item: Item, every: bool = False) -> dict[str, Any]:
    """The samples of a run by prompt and step: all, or the first prompts and some of the steps."""
    found = by_prompt(samples_of(item))
    shown = found if every else [thinned(prompt, STEPS) for prompt in found[:PROMPTS]]
    return {"prompts": shown, "more": shown != found}


def samples_of(item: Item) -> Sequence[RunSample]:
    """The samples of an item, if it is a run."""
    return run_samples(Store(item.path)) if item.kind == "run" else ()


def side_by_side(left: Item, right: Item) -> list[tuple[PromptSamples | None, PromptSamples | None]]:
    """The newest samples of two runs, those for one prompt beside each other; first the prompts that both have."""
    sides = [{(p.task, p.prompt): p for p in by_prompt(samples_of(item))} for item in (left, right)]
    keys = sorted(sides[0].keys() | sides[1].keys(), key=lambda key: (not all(key in side for side in sides), key))
    newest = ([_newest(side.get(key)) for side in sides] for key in keys[:PROMPTS])
    return [(a, b) for a, b in newest]


def _newest(prompt: PromptSamples | None) -> PromptSamples | None:
    return prompt and PromptSamples(prompt.task, prompt.prompt, prompt.steps[-1:])


def _file(site: Site, request: Request) -> Response:
    """A picture or a clip, of those that the lists of samples name."""
    item, path = site.item(request), request.path_params["path"]
    sample = next((one for one in samples_of(item) if one.path == path and one.kind in TYPES), None)
    if sample is None:
        raise HTTPException(404, f"The run has no sample {path}.")
    try:
        data = Store(item.path).read(path)
    except FileNotFoundError:
        raise HTTPException(404, f"{path}: is not there any more.") from None
    return ranged(request, data, TYPES[sample.kind])
