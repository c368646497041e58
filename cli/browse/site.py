"""The pages of `triptych browse` as one application: its items, its routes and its answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ...schemas.errors import Refusal
from ...schemas.secrets import shown
from .items import Item
from .security import Guarded
from .templates import STATIC, render

Endpoint = Callable[[Request], Response]


@dataclass(frozen=True)
class Site:
    """The items that are shown, and how a page is rendered."""

    items: tuple[Item, ...]

    def item(self, request: Request) -> Item:
        """Return the item of a request's path."""
        number = int(request.path_params["item"])
        if number >= len(self.items):
            raise HTTPException(404, f"There is no item {number}.")
        return self.items[number]

    def page(self, template: str, **context: Any) -> HTMLResponse:
        """Render a page."""
        return HTMLResponse(render(template, items=self.items, offline=False, **context))


def application(items: tuple[Item, ...]) -> Guarded:
    """Build the application for some items."""
    from . import (
        compare_pages,
        dataset_pages,
        list_pages,
        media_answers,
        raw_pages,
        run_pages,
        sample_pages,
        search_pages,
    )

    site = Site(items)
    routes = [
        Route("/", lambda request: _home(site)),
        Route("/favicon.ico", lambda request: Response(status_code=204)),
        Route("/{item:int}", lambda request: RedirectResponse(f"/{request.path_params['item']}/")),
        *dataset_pages.routes(site),
        *list_pages.routes(site),
        *search_pages.routes(site),
        *media_answers.routes(site),
        *raw_pages.routes(site),
        *run_pages.routes(site),
        *sample_pages.routes(site),
        *compare_pages.routes(site),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    handlers: Mapping[Any, Any] = {Refusal: _refused(site), HTTPException: _failed(site)}
    return Guarded(Starlette(routes=routes, exception_handlers=handlers))


def _home(site: Site) -> Response:
    if len(site.items) == 1:
        return RedirectResponse("/0/")
    return site.page("home.html", title="Triptych", item=None)


def _refused(site: Site) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        return _message(site, 404, shown(str(error)))

    return answer


def _failed(site: Site) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return _message(site, status, shown(str(getattr(error, "detail", error))))

    return answer


def _message(site: Site, status: int, message: str) -> Response:
    page = render("message.html", items=site.items, item=None, offline=False, title="Not found", message=message)
    return HTMLResponse(page, status_code=status)


def whole(request: Request, name: str, default: int, least: int = 0, most: int | None = None) -> int:
    """Read a whole number of a request's query, kept within its bounds; what is none is the default."""
    try:
        value = int(request.query_params.get(name, default))
    except ValueError:
        value = default
    return max(least, value if most is None else min(value, most))
