"""`triptych export-model`, and `sample` and `evaluate` of what it writes."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from triptych.cli.main import cli
from triptych.model.network.export import WEIGHTS
from triptych.schemas.config.training import TrainConfig
from triptych.train.evaluate.context import open_context, report_facts
from triptych.train.evaluate.evaluate import EvaluationRequest
from triptych.train.generate.generator import Generator
from triptych.train.run import train


def run(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture(scope="module")
def trained(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    tree = {
        "out": str(folder / "run"),
        "data": {"datasets": [{"path": str(made), "weight": 1.0}], "batch_tokens": 1024, "validation": 0.2},
        "model": {"depth": 1, "width": 64},
        "validation": {"every": 100, "rows": 2},
        "steps": 2,
    }
    assert train(TrainConfig.model_validate(tree))
    return folder / "run"


def test_a_run_is_exported_and_the_export_is_sampled(trained: Path, tmp_path: Path) -> None:
    export = tmp_path / "handed" / "first"
    facts = json.loads(run("export-model", trained, "--to", "hf", export, "--json"))
    assert facts == {"out": str(export), "layout": "hf", "parameters": facts["parameters"], "step": 2}
    said = run("export-model", trained, tmp_path / "second", "--to", "hf")
    assert f"{facts['parameters']:,} parameters of step 2" in said
    assert "trust_remote_code=True" in said
    for name, folder in (("of-run", trained), ("of-export", export)):
        out = ("--out", tmp_path / name, "--n", 1, "--steps", 2)
        run("sample", folder, "--task", "t2i", "--prompt", "a red bus", *out)
    tokens = [
        json.loads((tmp_path / name / "samples.json").read_text())["samples"][0]["tokens"]
        for name in ("of-run", "of-export")
    ]
    assert tokens[0] == tokens[1]


def test_an_evaluation_finds_in_the_export_what_it_finds_in_the_run(trained: Path, made: Path, tmp_path: Path) -> None:
    run("export-model", trained, tmp_path / "export", "--to", "hf")
    facts = []
    for folder in (trained, tmp_path / "export"):
        generator = Generator.open(folder)
        context = open_context(generator, None, EvaluationRequest(2, 0, str(made)), lambda held, modality: {})
        facts.append(report_facts("", generator, None, context))
    mine, theirs = ({**each, "run": "", "model": {**each["model"], WEIGHTS: ""}} for each in facts)
    assert mine == theirs
