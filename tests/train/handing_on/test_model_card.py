"""The model card states only what the run recorded, whoever wrote its metrics."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from triptych.train.handing_on.model_card import _figures
from triptych.train.metrics_file import parse_lines

HELD = {"step": 3, "split": "validation", "nelbo": {"text": 2.0}}


def figures_of(*lines: dict[str, Any]) -> str:
    data = "".join(f"{json.dumps(line)}\n" for line in lines)
    facts: Any = SimpleNamespace(lines=parse_lines(data.encode()), step=3)
    return _figures(facts, {})


@pytest.mark.parametrize("line", [HELD, {"step": 3, "split": "validation", "weights": "ema"}], ids=["weights", "nelbo"])
def test_a_validation_that_lacks_its_figures_or_their_weights_is_none(line: dict[str, Any]) -> None:
    assert figures_of(line) == "None: the run was not validated on held-out documents at step 3."
