"""Screenshots of `triptych browse` for the documentation, taken with Debian's Chromium.

    python -m benchmarks.spoiled_demo demo
    cd demo
    triptych prepare run.yaml
    triptych prepare before.yaml
    triptych train train.yaml --set out=runs/first --set "samples={every: 600, n: 2, prompts: {t2i: [digit seven]}}"
    python -m benchmarks.screenshots --dataset dataset --before before --run runs/first

writes `docs/images/browse*.png`. `--only NAME` takes some of them, which may need fewer of the three.
"""

import argparse
import io
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from triptych.cli.browse.items import find_items
from triptych.cli.browse.serve import HOST, listening
from triptych.cli.browse.site import application
from triptych.pipelines.inspection.browse.browsed import BrowsedDataset
from triptych.pipelines.inspection.browse.draw import draw_segments

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTH = 1180
COLOURS = 96
MOST = 150_000  # bytes


class Shot(NamedTuple):
    """A picture: the address of its page, what is scrolled to its top, and its height in pixels."""

    path: str
    top: str = "body"
    height: int = 800


SHOTS = {
    "browse": Shot("/0/", height=1240),
    "browse-funnel": Shot("/0/", "#funnel", 640),
    "browse-codebooks": Shot("/0/", "#books", 560),
    "browse-dropped": Shot("/0/dropped?reason=image_undecodable", height=720),
    "browse-duplicates": Shot("/0/duplicates", height=860),
    "browse-segment": Shot("/0/row/{clip}", height=1000),
    "browse-compare": Shot("/compare?a=1&b=0", height=860),
    "browse-run": Shot("/2/run", height=1000),
    "browse-samples": Shot("/2/run", "#samples", 760),
}


def main() -> None:
    """Take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="A dataset with text, images and audio")
    parser.add_argument("--before", help="Another one, to compare it with")
    parser.add_argument("--run", help="A training run with samples")
    parser.add_argument("--only", nargs="*", choices=SHOTS, default=list(SHOTS))
    given = parser.parse_args()
    paths = [given.dataset, given.before or given.dataset, *([given.run] if given.run else [])]
    row, number = draw_segments(BrowsedDataset(given.dataset), 1, 0, "audio-text")[0]
    with served(paths) as address, sync_playwright() as playwright:
        chromium = shutil.which("chromium") or "/usr/bin/chromium"
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900})
        page.set_default_timeout(300_000)
        for name in given.only:
            shot = SHOTS[name]
            page.goto(address + shot.path.format(clip=f"{row}/{number}"))
            page.wait_for_load_state("networkidle", timeout=300_000)
            save(taken(page, shot), IMAGES / f"{name}.png")
        browser.close()


@contextmanager
def served(paths: list[str]) -> Iterator[str]:
    """Serve the pages of some items; yields the address."""
    with listening(0) as listener:
        config = uvicorn.Config(application(tuple(find_items(tuple(paths)))), log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.05)
        try:
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def taken(page: Page, shot: Shot) -> bytes:
    """Take a part of a page, from the top of an element downwards."""
    for image in page.locator("img[loading=lazy]").all()[:40]:
        image.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    page.evaluate("scrollTo(0, 0)")
    box: Any = page.locator(shot.top).first.bounding_box()
    top = max(0, box["y"] - 12) if shot.top != "body" else 0
    whole = page.evaluate("document.documentElement.scrollHeight")
    height = min(shot.height, whole - top)
    return page.screenshot(full_page=True, clip={"x": 0, "y": top, "width": WIDTH, "height": height})


def save(shot: bytes, path: Path) -> None:
    """Write a screenshot with few colours, which halves its size and is not seen."""
    image = Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    image.save(path, optimize=True)
    size = path.stat().st_size
    assert size <= MOST, f"{path} has {size} bytes"
    print(f"{path}: {image.width} × {image.height}, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
