"""What a run is measured with, and that every group says why it is absent."""

from dataclasses import replace
from pathlib import Path

import pytest

from triptych.schemas.errors import Mismatch, Refusal
from triptych.schemas.identity import sealed_json, unseal
from triptych.train.evaluate.context import open_context, report_facts
from triptych.train.evaluate.evaluate import EvaluationRequest, evaluate
from triptych.train.evaluate.report.not_measured import NotMeasured
from triptych.train.generate.generator import Generator


def test_without_held_out_documents_every_group_says_so(generators: dict[str, Generator]) -> None:
    generator = generators["masked"]
    context = open_context(generator, None, EvaluationRequest(n=2), lambda held, modality: {})
    told: list[str] = []
    found = list(evaluate(generator, replace(context, share=0.0), told.append))
    missing = {one.group: one for one in found if isinstance(one, NotMeasured)}
    assert told == ["training", "held out", "benchmarks", "images", "speech", "text"]
    for group, half in (("images", "image"), ("speech", "audio"), ("text", "text")):
        assert missing[group].name == "all figures"
        assert missing[group].why.startswith(f"no {half} is held out of")
    assert {one.group for one in found} == {"training", "held out", *missing}


def test_the_control_judges_when_it_is_autoregressive(generators: dict[str, Generator]) -> None:
    masked, control = generators["masked"], generators["autoregressive"]
    context = open_context(masked, control, EvaluationRequest(), lambda held, modality: {})
    assert context.scorer is not None
    assert context.scorer.name == str(control.folder)
    assert open_context(control, masked, EvaluationRequest(), lambda held, modality: {}).scorer is None
    facts = report_facts("triptych evaluate it", masked, control, context)
    assert facts["control"]["objective"] == "autoregressive"
    assert facts["model"]["tokens"] == 2 * 1024
    assert facts["model"]["model.safetensors"] != facts["control"]["model.safetensors"]


def test_a_control_that_learned_something_else_is_refused(generators: dict[str, Generator], tmp_path: Path) -> None:
    masked, control = generators["masked"], generators["autoregressive"]
    told = unseal((control.folder / "run.json").read_bytes())
    told["config"]["data"]["validation"] = 0.1
    (tmp_path / "run.json").write_bytes(sealed_json(told))
    with pytest.raises(Mismatch, match=r"of which 0\.2 are held out.*of which 0\.1 are held out"):
        open_context(masked, replace(control, folder=tmp_path), EvaluationRequest(), lambda held, modality: {})
    (tmp_path / "run.json").unlink()
    with pytest.raises(Refusal, match=r"has no run\.json"):
        open_context(masked, replace(control, folder=tmp_path), EvaluationRequest(), lambda held, modality: {})
