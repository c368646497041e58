"""Folders of runs as the trainer leaves them, with losses by a known law and nothing trained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.identity import sealed_json

Write = Callable[..., Path]


def write_run(
    folder: Path, *, parameters: int, tokens: int, loss: float, steps: int = 20, ended: bool = True, **more: Any
) -> Path:
    """One run: text of a loss and pictures of one bit more, three targets of text for one of pictures."""
    folder.mkdir(parents=True)
    config = {
        "steps": steps,
        "objective": {"kind": "masked"},
        "data": {"datasets": [{"path": "out", "weight": 1.0}], "validation": 0.1},
        "validation": {"every": 10, "rows": 4},
    }
    facts = {"config": config, "parameters": {"embedding": 7, "rest": parameters}, "vocabulary": "v", "trained_on": []}
    facts |= {"plan": "p", "kappa": 1.0, "processes": 1}
    (folder / "run.json").write_bytes(sealed_json(facts | more))
    lines: list[dict[str, Any]] = []
    for step in range(10, (steps if ended else steps // 2) + 1, 10):
        rates = {"tokens_per_second": 50.0, "flops_per_second": 300.0 * parameters}
        lines.append({"step": step, "tokens": tokens * step // steps, **rates})
        for weights, off in (("raw", 0.01), ("ema", 0.0)):
            text = loss - 0.25 + off + (steps - step)
            held = {"nelbo": {"text": text, "image": text + 1}, "targets": {"text": 300, "image": 100}}
            lines.append({"step": step, "split": "validation", "weights": weights, **held})
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return folder


@pytest.fixture(scope="session")
def write() -> Write:
    return write_run
