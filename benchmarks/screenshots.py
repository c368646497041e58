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
from typing import NamedTuple

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
    """A picture: the address of its page, what is scrolled to its top, its height, and what must be there first."""

    path: str
    top: str = "body"
    height: int = 800
    until: str = ""  # default: nothing more is loaded


SHOTS = {
    "browse-funnel": Shot("/0/", "#funnel", 410, "#funnel"),
    "browse-dropped": Shot("/0/dropped?reason=image_undecodable", height=720),
    "browse-duplicates": Shot("/0/duplicates", height=860, until=".members"),
    "browse-compare": Shot("/compare?a=1&b=0", height=860, until="#main"),
    "browse-run": Shot("/2/run", height=1000, until=".plot canvas"),
    "browse-samples": Shot("/2/run", "#samples", 640, ".steps"),
    "browse-segment": Shot("/0/row/{clip}", height=1000),
    "browse-codebooks": Shot("/0/", "#books", 400, ".heatrow"),
    "browse": Shot("/0/", height=1240),
}
PATIENCE = 1_200_000  # milliseconds
LOADED = """() => [...document.images].filter((image) => {
  const box = image.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight;
}).every((image) => image.complete && image.naturalWidth)"""


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
        page.set_default_timeout(PATIENCE)
        for name in given.only:
            shot = SHOTS[name]
            page.set_viewport_size({"width": WIDTH, "height": shot.height})
            page.goto(address + shot.path.format(clip=f"{row}/{number}"))
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
    if shot.until:
        page.locator(shot.until).first.wait_for(state="attached")
    else:
        page.wait_for_load_state("networkidle", timeout=PATIENCE)
    if shot.top != "body":
        page.locator(shot.top).first.evaluate("place => scrollTo(0, scrollY + place.getBoundingClientRect().top - 12)")
    page.wait_for_function(LOADED)
    return page.screenshot()


def save(shot: bytes, path: Path) -> None:
    """Write a screenshot with few colours, which halves its size and is not seen."""
    image = Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    image.save(path, optimize=True)
    size = path.stat().st_size
    assert size <= MOST, f"{path} has {size} bytes"
    print(f"{path}: {image.width} × {image.height}, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
