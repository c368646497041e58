"""The progress of a run may be someone else's: what no run writes counts as none."""

import json
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.engines.progress_file import PROGRESS, RunProgress
from triptych.schemas.storage.store import Store

STEP = {
    "step": "read",
    "partitions": 3,
    "reused": 0,
    "done": 1,
    "rows": 10,
    "tokens": 0,
    "seconds": 1.5,
    "running": True,
}
BODY: dict[str, Any] = {
    "engine": "serial",
    "begun": "2026-01-01T00:00:00Z",
    "written": "2026-01-01T00:00:09Z",
    "steps": [STEP],
    "workers": 1,
    "peak_bytes": 5,
    "dropped": {"text_empty": 1},
    "messages": [],
}


def read(folder: Path, text: str) -> RunProgress | None:
    (folder / PROGRESS).parent.mkdir(exist_ok=True)
    (folder / PROGRESS).write_text(text)
    return RunProgress.read(Store(str(folder)))


def test_progress_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, json.dumps(BODY))
    assert found is not None
    assert found.steps[0].left == 3.0


@pytest.mark.parametrize(
    "change",
    [
        {"written": "2026-01-01T00:00:09"},
        {"begun": "99999-01-01T00:00:00Z"},
        {"workers": -1},
        {"peak_bytes": 10**30},
        {"dropped": {"a": "b"}},
        {"steps": [STEP | {"seconds": -1}]},
        {"steps": [STEP | {"seconds": 1e300}]},
        {"steps": [STEP | {"done": 10**40}]},
        {"steps": 3},
        {"more": 1},
    ],
    ids=str,
)
def test_what_no_run_writes_is_none(change: dict[str, Any], tmp_path: Path) -> None:
    assert read(tmp_path, json.dumps(BODY | change)) is None


def test_deep_or_broken_json_is_none(tmp_path: Path) -> None:
    for text in ("[" * 200_000, "", "\x00", json.dumps(BODY).replace("1.5", "NaN")):
        assert read(tmp_path, text) is None
