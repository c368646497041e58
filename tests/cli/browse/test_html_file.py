"""`--html`: one file that opens from a disk, with all it shows in it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(("width", "scheme"), [(1600, "dark"), (400, "light")])
def test_a_dataset_is_one_sound_file(
    triptych: Callable[..., Any], browser: Callable[..., Any], hostile: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    file = tmp_path / "page.html"
    said = triptych("browse", hostile, "--html", file)
    assert (said.code, file.stat().st_size < 5_000_000) == (0, True)
    looking = browser("file:", width, scheme)
    page = looking.open(file.as_uri())
    assert looking.complaints == []
    assert page.evaluate("window.acted") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".card img").count() >= 2
    assert page.locator(".card img").evaluate_all("all => all.every(one => one.naturalWidth === 16)")
    assert page.locator("audio").evaluate_all("all => all.every(one => one.src.startsWith('data:audio/wav'))")
    text = page.locator("main").inner_text()
    assert "<b>bold</b>" in text
    assert "10 come back exactly" in text
    assert not re.findall(r"(?:href|src)=[\"']?(?!data:|#)(?:https?:|/)", file.read_text())


def test_a_run_is_one_sound_file(
    triptych: Callable[..., Any], browser: Callable[..., Any], trained: Path, tmp_path: Path
) -> None:
    file = tmp_path / "run.html"
    assert triptych("browse", trained, "--html", file).code == 0
    looking = browser("file:")
    page = looking.open(file.as_uri())
    assert page.locator(".plot canvas").count() >= 5
    assert looking.complaints == []


def test_the_sample_is_fixed(triptych: Callable[..., Any], hostile: Path, tmp_path: Path) -> None:
    pages = []
    for name in ("a.html", "b.html"):
        triptych("browse", hostile, "--html", tmp_path / name)
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]


def test_one_path_makes_one_file(triptych: Callable[..., Any], hostile: Path, trained: Path, tmp_path: Path) -> None:
    said = triptych("browse", hostile, trained, "--html", tmp_path / "x.html")
    assert said.code == 2
    assert "Give one PATH" in said.err
