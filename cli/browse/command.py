"""`triptych browse`: look at datasets and training runs in a web browser."""

from importlib.util import find_spec
from pathlib import Path

import click

from ...schemas.command_line import example

NEEDED = ("starlette", "uvicorn")


@click.command(epilog=example("triptych browse out/stamps runs/first"))
@click.argument("paths", metavar="PATH [PATH]...", nargs=-1, required=True)
@click.option("--port", metavar="N", type=click.IntRange(0, 65535), default=0, show_default="a free one", help="Port.")
@click.option(
    "--html",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the overview with a fixed sample to one file instead.",
)
@click.option("--no-open", is_flag=True, help="Do not open a web browser.")
def browse(paths: tuple[str, ...], port: int, html: Path | None, no_open: bool) -> None:
    """Look at datasets and training runs, local or at a URL, in a web browser.

    PATH is a dataset, a training run, or the `out` of a preparation that still runs.
    The pages are served to this machine alone, until Ctrl-C.
    """
    from ...schemas.errors import Refusal

    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise Refusal(f"`triptych browse` needs {', '.join(missing)}. Run: pip install 'triptych[browse]'")
    from .items import find_items

    items = tuple(find_items(paths))
    if html is not None:
        from .html_file import write_html

        write_html(items, html)
        return
    from .serve import serve

    serve(items, port, no_open)
