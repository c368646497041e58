"""Screenshots of `triptych browse` for the documentation, taken of a dataset with Debian's Chromium.

    python -m benchmarks.screenshots demo/dataset

writes `docs/images/browse.png`: the upper part of the overview, in at most 150 KB.
"""

import argparse
import io
import shutil
import threading
import time
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import sync_playwright

from triptych.cli.browse.items import find_items
from triptych.cli.browse.serve import HOST, listening
from triptych.cli.browse.site import application

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTH, HEIGHT = 1180, 1240
COLOURS = 96
MOST = 150_000  # bytes


def main() -> None:
    """Take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", help="A dataset with text, images and audio")
    dataset = parser.parse_args().dataset
    with listening(0) as listener:
        address = f"http://{HOST}:{listener.getsockname()[1]}"
        config = uvicorn.Config(application(tuple(find_items((dataset,)))), log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.05)
        try:
            save(taken(f"{address}/0/"), IMAGES / "browse.png")
        finally:
            server.should_exit = True
            thread.join()


def taken(address: str) -> bytes:
    """Open a page, wait until all of it is there, and take its upper part."""
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or "/usr/bin/chromium"
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(address)
        page.wait_for_load_state("networkidle", timeout=180_000)
        shot = page.screenshot()
        browser.close()
    return shot


def save(shot: bytes, path: Path) -> None:
    """Write a screenshot with few colours, which halves its size and is not seen."""
    image = Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    image.save(path, optimize=True)
    size = path.stat().st_size
    assert size <= MOST, f"{path} has {size} bytes"
    print(f"{path}: {image.width} × {image.height}, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
