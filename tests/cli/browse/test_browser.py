"""The pages in a real browser: no error, nothing asked elsewhere, nothing from data acts, all fits 400 pixels."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGES = (
    *("/", "/0/", "/0/rows", "/0/row/0", "/0/row/0/1", "/0/sample?seed=1", "/0/search", "/0/dropped", "/0/duplicates"),
    *("/0/cluster/1", "/0/dropped?reason=json_invalid", "/0/search?q=window.acted", "/2/run", "/compare?a=0&b=1"),
    *("/compare?a=2&b=3", "/1/", "/0/dropped?reason=exact_duplicate&source=pictures"),
)


@pytest.fixture(scope="module")
def places(hostile: Path) -> dict[str, str]:
    """The address of a segment with an image, and of one with a clip."""
    from triptych.pipelines.inspection.browse.browsed import BrowsedDataset
    from triptych.pipelines.inspection.browse.draw import draw_segments

    dataset = BrowsedDataset(str(hostile))
    found = {kind: draw_segments(dataset, 1, 0, kind)[0] for kind in ("image-text", "audio-text")}
    return {kind: f"/0/row/{row}/{number}" for kind, (row, number) in found.items()}


@pytest.mark.parametrize(("width", "scheme"), [(1600, "light"), (400, "dark")])
def test_every_page_is_sound(
    browser: Callable[..., Any], served: str, places: dict[str, str], width: int, scheme: str
) -> None:
    looking = browser(served, width, scheme)
    for name in (*PAGES, *places.values()):
        page = looking.open(served + name)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than {width}"
        assert page.evaluate("window.acted") is None, f"{name}: data acted on the page"
        assert page.locator("main script, main iframe, main object, [onerror], [style*=expression]").count() == 0
        assert page.locator("main img[src='x']").count() == 0
        assert not page.locator("a[href^='javascript:']").count()
        assert page.locator("h1").count() == 1
        assert "\u202e" not in page.locator("main").inner_text()
    assert looking.complaints == []


def test_a_picture_is_shown_beside_its_original(
    browser: Callable[..., Any], served: str, places: dict[str, str]
) -> None:
    looking = browser(served)
    page = looking.open(served + places["image-text"])
    sizes = "images => images.map(image => image.naturalWidth)"
    assert page.locator(".pairs img").evaluate_all(sizes) == [16, 16]
    page.get_by_text("Difference", exact=True).click()
    page.wait_for_function("() => document.querySelectorAll('.pairs details img').length === 1")
    page.wait_for_load_state("networkidle")
    assert page.locator(".pairs details img").evaluate_all(sizes) == [16]
    assert looking.complaints == []


def test_a_clip_plays_beside_its_original(browser: Callable[..., Any], served: str, places: dict[str, str]) -> None:
    looking = browser(served)
    page = looking.open(served + places["audio-text"])
    page.wait_for_function("() => [...document.querySelectorAll('audio')].every(one => one.duration > 0.3)")
    assert page.locator("audio").count() == 2
    assert page.locator(".wave path").count() == 2
    assert looking.complaints == []


def test_terms_are_explained_where_they_stand(browser: Callable[..., Any], served: str) -> None:
    looking = browser(served)
    page = looking.open(f"{served}/0/")
    unknown = "[...document.querySelectorAll('[popovertarget]')].filter(one => !one.popoverTargetElement).length"
    assert page.evaluate(unknown) == 0
    page.get_by_role("button", name="Packed rows").click()
    assert page.locator("#term-row").is_visible()


def test_the_funnel_leads_to_the_dropped_rows(browser: Callable[..., Any], served: str) -> None:
    looking = browser(served)
    page = looking.open(f"{served}/0/")
    page.locator(".funnel").get_by_role("link", name="json_invalid").click()
    page.wait_for_url("**/dropped?reason=json_invalid")
    assert "<script>window.acted" in page.locator(".droppedrows").inner_text()


def test_search_shows_hits_while_it_runs_and_counts_all(browser: Callable[..., Any], served: str) -> None:
    looking = browser(served)
    page = looking.open(f"{served}/0/search?q=window.acted&source=docs")
    page.wait_for_function("() => document.querySelector('.status').textContent.includes('found in all')")
    assert page.locator(".status").inner_text().startswith("40 segments found in all")
    assert page.locator("#hits .card").count() == 40
    assert page.locator("#hits mark").first.inner_text() == "window.acted"
    assert looking.complaints == []


def test_the_keyboard_goes_everywhere(browser: Callable[..., Any], served: str) -> None:
    looking = browser(served)
    page = looking.open(f"{served}/0/")
    for key, address in (("r", "**/0/rows*"), ("s", "**/sample?seed=*"), ("d", "**/dropped"), ("o", "**/0/")):
        page.keyboard.press(key)
        page.wait_for_url(address)
    page.keyboard.press("/")
    page.wait_for_url("**/search")
    page.keyboard.press("g")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/0/row/1")
    page.keyboard.press("k")
    page.wait_for_url("**/0/row/0")
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()


def test_rows_are_added_while_one_scrolls(browser: Callable[..., Any], served: str) -> None:
    from triptych.cli.browse import dataset_pages

    looking = browser(served)
    before, dataset_pages.ROWS = dataset_pages.ROWS, 5
    try:
        page = looking.open(f"{served}/1/rows")
        of = int(page.locator("[data-rows]").get_attribute("data-of"))
        for _ in range(30):
            page.mouse.wheel(0, 4000)
            page.wait_for_timeout(50)
        page.wait_for_function(
            "of => [...document.querySelectorAll('.rownumber')].at(-1).textContent === of", arg=str(of - 1)
        )
        assert page.locator(".rowblock").count() <= 9
    finally:
        dataset_pages.ROWS = before
    assert looking.complaints == []


def test_curves_are_drawn_and_follow_the_run(
    browser: Callable[..., Any], trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from .conftest import Served

    lines = (trained / "metrics.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "run.json").write_bytes((trained / "run.json").read_bytes())
    (tmp_path / "metrics.jsonl").write_text("".join(lines[:6]))
    server = Served(tmp_path)
    try:
        looking = browser(server.address)
        page = looking.open(f"{server.address}/0/run")
        assert page.locator(".plot canvas").count() >= 5
        first = page.locator("[data-live=done]").inner_text()
        (tmp_path / "metrics.jsonl").write_text("".join(lines))
        page.wait_for_function("before => document.querySelector('[data-live=done]').textContent !== before", arg=first)
        last = max(json.loads(line)["step"] for line in lines)
        assert page.locator("[data-live=done]").inner_text() == str(last)
        assert page.locator("[data-live=state]").inner_text() == "training"
        assert looking.complaints == []
    finally:
        server.stop()


@pytest.fixture
def sampled(trained: Path, tmp_path: Path, makers: Any) -> Path:
    """A run with samples of two steps and of the finished model; prompts and texts try to act on the page."""
    from .conftest import MARKUP

    run = tmp_path / "sampled"
    run.mkdir()
    for name in ("run.json", "metrics.jsonl"):
        (run / name).write_bytes((trained / name).read_bytes())
    for step in (100, 200, None):
        for task, file, data in (
            ("t2i", "sample-000.png", makers.picture(3)),
            ("t2s", "sample-000.wav", makers.clip(3)),
            ("text", "sample-000.txt", b""),
        ):
            folder = run / "samples" / f"{step}" / task
            folder.mkdir(parents=True)
            (folder / file).write_bytes(data)
            line = {"file": file, "prompt": MARKUP, "text": f"{MARKUP} at {step}"}
            (folder / "samples.json").write_text(json.dumps({"step": step, "task": task, "samples": [line]}))
    return run


@pytest.mark.parametrize(("width", "scheme"), [(1600, "dark"), (400, "light")])
def test_samples_stand_beside_each_other_by_step(
    browser: Callable[..., Any], sampled: Path, trained: Path, width: int, scheme: str
) -> None:
    from .conftest import Served

    server = Served(sampled, trained)
    try:
        looking = browser(server.address, width, scheme)
        page = looking.open(f"{server.address}/0/run")
        steps = page.locator(".steps").first.locator("figcaption").all_inner_texts()
        assert steps == ["step 100", "step 200", "finished model"]
        page.locator(".steps img").first.scroll_into_view_if_needed()
        page.wait_for_function("() => document.querySelector('.steps img').naturalWidth > 0")
        assert page.locator(".steps audio").count() == 3
        assert "<b>bold</b>" in page.locator(".steps .excerpt").first.inner_text()
        assert page.evaluate("window.acted") is None
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page = looking.open(f"{server.address}/compare?a=0&b=1")
        assert page.locator(".beside").count() == 3
        assert page.locator(".beside").first.locator("figcaption").all_inner_texts() == ["finished model"]
        assert page.locator(".beside").first.get_by_text("has no samples for it").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert looking.complaints == []
    finally:
        server.stop()


def test_the_picture_of_a_dropped_row_is_shown(browser: Callable[..., Any], served: str) -> None:
    looking = browser(served)
    page = looking.open(f"{served}/0/dropped?reason=exact_duplicate&source=pictures")
    page.wait_for_function("() => document.querySelector('.rawmedia img')?.naturalWidth > 0")
    page.get_by_role("link", name="beside the row that was kept").first.click()
    page.wait_for_url("**/0/cluster/*")
    page.wait_for_load_state("networkidle")
    sizes = "images => images.map(image => image.naturalWidth > 0)"
    assert page.locator(".member img").evaluate_all(sizes)[:2] == [True, True]
    assert looking.complaints == []


def test_the_raw_row_stands_beside_a_segment(browser: Callable[..., Any], served: str, places: dict[str, str]) -> None:
    looking = browser(served)
    page = looking.open(served + places["audio-text"])
    page.get_by_text("as its source holds it now").click()
    page.wait_for_function("() => document.querySelector('details .rawmedia audio')")
    assert "<script>" in page.locator("details", has=page.locator(".rawmedia")).inner_text()
    assert page.evaluate("window.acted") is None
    assert looking.complaints == []
