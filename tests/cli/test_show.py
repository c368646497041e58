"""`triptych show`: a row as a person can read, see and hear it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def rows_by_kind(triptych: Callable[..., Any], dataset: Path) -> dict[str, tuple[int, list[dict[str, Any]]]]:
    """The first row of each kind, and what `show --json` says of it."""
    found: dict[str, tuple[int, list[dict[str, Any]]]] = {}
    for row in range(json.loads(triptych("stats", dataset, "--json").out)["rows"]):
        segments = json.loads(triptych("show", dataset, "--row", row, "--json").out)
        found.setdefault(segments[0]["kind"], (row, segments))
    return found


@pytest.mark.parametrize("source", ["made", "given"])
def test_every_modality_is_written_as_its_files(
    triptych: Callable[..., Any], made: Path, tree: Any, prepared: Any, tmp_path: Path, source: str
) -> None:
    import soundfile
    from PIL import Image

    dataset = made
    if source == "given":
        dataset = tmp_path / "out"
        prepared(tree(dataset))
    found = rows_by_kind(triptych, dataset)
    assert {kind: segments[0]["files"] for kind, (_, segments) in found.items()} == {
        "text": ["txt"],
        "image-text": ["png", "txt"],
        "audio-text": ["txt", "wav"],
    }
    for kind, (row, segments) in found.items():
        out = tmp_path / kind
        said = triptych("show", dataset, "--row", row, "--out", out)
        assert said.code == 0
        stem = f"row-{row:06d}-001"
        assert (out / f"{stem}.txt").read_text() == segments[0]["text"]
        assert len(json.loads((out / f"row-{row:06d}.json").read_text())) == len(segments)
        assert segments[0]["file"] in said.out
        if kind == "image-text":
            assert Image.open(out / f"{stem}.png").size == (16, 16)
        if kind == "audio-text":
            assert soundfile.info(out / f"{stem}.wav").samplerate == 16000


def test_a_segment_says_where_it_came_from(triptych: Callable[..., Any], made: Path, makers: Any) -> None:
    _, segments = rows_by_kind(triptych, made)["image-text"]
    for segment in segments:
        assert segment["source"] == "stamps"
        assert segment["text"] == makers.words(50 * int(segment["file"][0]) + segment["row"], 5)
        assert segment["last"] is True
        assert len(segment["id"]) == 32


def test_a_row_that_is_not_there_is_misuse(triptych: Callable[..., Any], made: Path) -> None:
    said = triptych("show", made, "--row", 9999)
    assert said.code == 2
    assert "has rows 0 to" in said.err
