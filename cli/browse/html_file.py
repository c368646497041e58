"""Writes the overview of a dataset, or the curves of a run, as one file that opens from a disk.

Images and clips are embedded, styles and scripts too. Its Content-Security-Policy names these by their hashes.
"""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from PIL import Image

from ...pipelines.inspection.browse.code_use import code_uses
from ...pipelines.inspection.browse.media import wav
from ...pipelines.inspection.browse.roundtrip import round_trips
from ...schemas.errors import Refusal
from ...schemas.storage.full_disk import refusing_full_disk
from ...schemas.visible import print_line
from .dataset_pages import by_group
from .file_policy import file_policy
from .items import Item
from .overview_page import overview_context
from .run_pages import run_context
from .site import Site
from .templates import render, static

SEED = 0
SIDE = 192  # pixels of an image at most
SECONDS = 8.0  # of a clip at most
MEDIA_BYTES = 3_000_000  # of all images and clips; later ones are left out


def write_html(items: tuple[Item, ...], file: Path) -> None:
    """Write the page of one item.

    Raises:
        Refusal: There are several, or it is a preparation in progress.
    """
    if len(items) != 1 or items[0].kind == "preparation":
        raise Refusal("--html: writes the page of one finished dataset or of one run. Give one PATH.")
    page = _dataset_page(items[0]) if items[0].kind == "dataset" else _run_page(items[0])
    file.parent.mkdir(parents=True, exist_ok=True)
    with refusing_full_disk(file.parent):
        file.write_text(page, "utf-8", "backslashreplace")
    print_line(f"Wrote {file} ({file.stat().st_size / 1e6:.1f} MB): the overview with a fixed sample, in one file.")


def _dataset_page(item: Item) -> str:
    cards = by_group(item, SEED)
    left = MEDIA_BYTES
    for card in cards:
        left = _embed(item, card, left)
    context = overview_context(item) | {"cards": cards, "uses": code_uses(item.dataset)}
    context["trips"] = round_trips(item.media)
    return _page("overview.html", item, [], ["browse.css"], **context)


def _run_page(item: Item) -> str:
    scripts, styles = ["vendor/uPlot.iife.min.js", "charts.js"], ["browse.css", "vendor/uPlot.min.css"]
    return _page("run.html", item, scripts, styles, **run_context(Site((item,)), item, [item]) | {"live": False})


def _page(template: str, item: Item, scripts: list[str], styles: list[str], **context: Any) -> str:
    texts, looks = [static(name) for name in scripts], [static(name) for name in styles]
    frame = {
        "policy": file_policy(texts, looks),
        "scripts": list(map(Markup, texts)),
        "styles": list(map(Markup, looks)),
    }
    return render(template, items=(item,), item=item, offline=True, title=item.name, **frame, **context)


def _embed(item: Item, card: dict[str, Any], left: int) -> int:
    """Replace the addresses of a card by data, as long as there is room; returns the bytes that are left."""
    place = card["detail"].row, card["detail"].number
    if card["image"]:
        card["image"] = _data("image/png", _small_png(item.media.image(*place)), left)
        left -= len(card["image"] or "")
    if card["audio"]:
        rate = item.media.sample_rate
        card["audio"] = _data("audio/wav", wav(item.media.wave(*place)[: int(SECONDS * rate)], rate), left)
        left -= len(card["audio"] or "")
    return left


def _data(kind: str, data: bytes, most: int) -> str | None:
    address = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return address if len(address) <= most else None


def _small_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(pixels)
    if max(image.size) > SIDE:
        image.thumbnail((SIDE, SIDE))
    sink = io.BytesIO()
    image.save(sink, format="PNG", optimize=True)
    return sink.getvalue()
