"""A dataset whose texts try to act on the page, a run, and a server and a browser to look at them."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

MARKUP = "<script>window.acted = 1</script><img src=x onerror='window.acted = 1'><b>bold</b> \u202e\x1b[31m"
LONG = "a_folder_with_a_long_name_in_one_piece" * 3  # wider than a telephone
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"


@pytest.fixture(scope="session")
def hostile(once: Callable[..., Path], tree: Any, prepared: Any, makers: Any) -> Path:
    """A tri-modal dataset with markup in texts, captions, names, licences and kept columns; not to be written to."""

    def fill(folder: Path) -> None:
        corpus = folder / "corpus"
        corpus.mkdir()
        lines: list[dict[str, str | None]] = [
            {"text": f"{MARKUP} {makers.words(i, 40)}", "license": "<i>MIT</i>", "url": "javascript:window.acted=1"}
            for i in range(40)
        ]
        lines += [lines[3], {"text": MARKUP[:30], "license": None, "url": None}]
        (corpus / "<u>docs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + f"{MARKUP}\n")
        members: dict[str, bytes] = {}
        for i in range(8):
            members |= {f"{i}.png": makers.picture(i % 7), f"{i}.txt": f"{MARKUP} {i % 7}".encode()}
        makers.write_tar(corpus / "pictures.tar", members)
        clips = [{"audio": makers.clip(i), "text": f"{MARKUP} {i}"} for i in range(6)]
        makers.write_clips(corpus / "clips.parquet", clips)
        columns = {"text": "text", "license": "license", "keep": ["url"]}
        sources = [
            {"name": "docs", "kind": "jsonl", "path": f"{corpus}/*.jsonl", "modality": "text", **columns},
            {"name": "pictures", "kind": "webdataset", "path": f"{corpus}/pictures.tar", "modality": "image-text"}
            | {"image": "png", "text": "txt"},
            {"name": "clips", "kind": "parquet", "path": f"{corpus}/clips.parquet", "modality": "audio-text"}
            | {"audio": "audio", "text": "text"},
        ]
        filters = [{"name": "text_length", "min_chars": 40, "sources": ["docs"]}]
        dedup = {"text": {"exact": True}, "image": {"exact": True}}
        prepared(tree(folder / LONG, name="hostile", sources=sources, filters=filters, dedup=dedup))

    return once("hostile", fill) / LONG


@pytest.fixture(scope="session")
def trained() -> Path:
    """The training run of an earlier version that the golden tests keep."""
    return Path(__file__).parents[2] / "golden" / "e4f0899" / "trained"


class Served:
    """The pages of some items on a free port, served by a thread of this process."""

    def __init__(self, *paths: Path | str) -> None:
        import uvicorn

        from triptych.cli.browse.items import find_items
        from triptych.cli.browse.serve import HOST, listening
        from triptych.cli.browse.site import application

        self._listener = listening(0)
        self.address = f"http://{HOST}:{self._listener.getsockname()[1]}"
        pages = application(tuple(find_items(tuple(map(str, paths)))))
        self._server = uvicorn.Server(uvicorn.Config(pages, log_level="warning", access_log=False, lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.02)

    def stop(self) -> None:
        """End the thread."""
        self._server.should_exit = True
        self._thread.join(30)
        self._listener.close()


@pytest.fixture(scope="module")
def served(hostile: Path, made: Path, trained: Path) -> Iterator[str]:
    """The address of a server of two datasets and two runs."""
    server = Served(hostile, made, trained, trained)
    yield server.address
    server.stop()


class Browser:
    """A page of a real browser, and everything that it complained of or asked elsewhere."""

    def __init__(self, page: Any, origin: str) -> None:
        self.page, self.complaints = page, list[str]()
        page.on("console", lambda message: self.complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", lambda request: self._asked(request.url, origin))
        page.on("response", lambda answer: self._answered(answer.status, answer.url))

    def _asked(self, url: str, origin: str) -> None:
        if not url.startswith((origin, "data:")):
            self.complaints.append(f"elsewhere: {url}")

    def _answered(self, status: int, url: str) -> None:
        if status >= 400:
            self.complaints.append(f"{status}: {url}")

    def open(self, address: str) -> Any:
        """Open a page, and wait until nothing more is loaded."""
        self.page.goto(address)
        self.page.wait_for_load_state("networkidle", timeout=120_000)
        return self.page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's Chromium; where it is missing these tests fail in CI and are skipped elsewhere."""
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists() and "CI" not in os.environ:
        pytest.skip("there is no chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Callable[..., Browser]]:
    """Opens pages of a width and a colour scheme."""
    contexts = []

    def make(origin: str, width: int = 1600, scheme: str = "light") -> Browser:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(120_000)
        contexts.append(context)
        return Browser(context.new_page(), origin)

    yield make
    for context in contexts:
        context.close()
