"""Triptych's class for lm-evaluation-harness gives the figures of the run for its export."""

from pathlib import Path
from typing import Any

import pytest

from triptych.train.evaluate.likelihood.lm_eval import harness_model

pytest.importorskip("lm_eval", reason="needs the extra `evaluate`")


def requests(kind: str, *arguments: tuple[Any, ...]) -> list[Any]:
    from lm_eval.api.instance import Instance

    return [Instance(kind, {}, one, number) for number, one in enumerate(arguments)]


@pytest.mark.parametrize("name", ["masked", "autoregressive"])
def test_the_harness_scores_the_export_as_the_run(name: str, runs: Path, exports: Path) -> None:
    mine, theirs = (harness_model(str(folder / name), passes=4) for folder in (exports, runs))
    pairs = requests("loglikelihood", ("ka lo mi", " ren ta"), ("", "vor"), ("shi", " pa dle"))
    assert mine.loglikelihood(pairs) == theirs.loglikelihood(pairs)
    texts = requests("loglikelihood_rolling", ("ka lo mi ren vor",))
    assert mine.loglikelihood_rolling(texts) == theirs.loglikelihood_rolling(texts)
    wanted = requests("generate_until", ("ka lo", {"until": ["\n"], "max_gen_toks": 6, "do_sample": False}))
    assert mine.generate_until(wanted) == theirs.generate_until(wanted)
