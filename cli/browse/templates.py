"""The Jinja2 environment of the pages: everything from data is escaped, and hidden characters are made visible."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .. import pages
from .formats import FILTERS, shown

FOLDER = Path(str(pages.__file__)).parent
STATIC = FOLDER / "static"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The environment with the templates of `cli/pages`."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= FILTERS
    return made


def render(template: str, **context: Any) -> str:
    """Fill in a template."""
    return environment().get_template(template).render(**context)


def static(name: str) -> str:
    """Read a style or a script."""
    return (STATIC / name).read_text(encoding="utf-8")
