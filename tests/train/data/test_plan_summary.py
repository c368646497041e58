"""Figures of a plan of two streams, worked out by hand."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from triptych.train.data.mix import UNITS
from triptych.train.data.plan import Plan
from triptych.train.data.plan_summary import summarize_plan


def made(steps: int) -> Plan:
    """All of a plan that its summary reads: ten rows of text and four of images, three rows to one."""
    text = SimpleNamespace(dataset=0, group="text", sources=("docs", "wiki"), rows=10, tokens=1000, codes={"text": 900})
    image = SimpleNamespace(
        dataset=1, group="image-text", sources=("stamps",), rows=4, tokens=480, codes={"text": 80, "image": 320}
    )
    plan = SimpleNamespace(
        steps=steps,
        rows=8,
        row_length=128,
        units=np.array([UNITS * 3 // 4, UNITS // 4]),
        streams=(text, image),
        wanted=np.array([0.7, 0.3]),
        datasets=[SimpleNamespace(url="a"), SimpleNamespace(url="b")],
        validation=0.1,
        warnings=("beware",),
        vocabulary=SimpleNamespace(fingerprint="v"),
        fingerprint="p",
    )
    return cast(Plan, plan)


def test_rows_tokens_and_epochs_of_each_stream() -> None:
    facts = summarize_plan(made(steps=5))  # 40 rows: 30 of text and 10 of images
    text, image = facts["streams"]
    assert (text["path"], text["sources"]) == ("a", ["docs", "wiki"])
    assert (image["path"], image["sources"]) == ("b", ["stamps"])
    assert [line["rows"] for line in (text, image)] == [30, 10]
    assert [line["epochs"] for line in (text, image)] == [3, 2.5]
    assert [line["tokens"] for line in (text, image)] == [3000, 1200]
    assert [line["share"] for line in (text, image)] == pytest.approx([3000 / 4200, 1200 / 4200])
    assert [line["share_of_rows"] for line in (text, image)] == [0.75, 0.25]
    assert [line["codes"] for line in (text, image)] == [{"text": 2700}, {"text": 200, "image": 800}]


def test_figures_of_the_whole() -> None:
    facts = summarize_plan(made(steps=5))
    assert (facts["rows"], facts["places"], facts["tokens"]) == (40, 40 * 128, 4200)
    assert facts["codes"] == {"image": 800, "text": 2900}
    assert (facts["steps"], facts["rows_a_step"], facts["row_length"], facts["validation"]) == (5, 8, 128, 0.1)
    assert (facts["warnings"], facts["vocabulary"], facts["fingerprint"]) == (["beware"], "v", "p")


def test_a_plan_without_steps_has_no_shares() -> None:
    facts = summarize_plan(made(steps=0))
    assert facts["tokens"] == 0
    assert [line["share"] for line in facts["streams"]] == [0, 0]
