"""A new run begins with the weights of another: what is taken, what is new, and what is refused."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from triptych.model.network.init import initialise
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.train.data.plan import plan_of
from triptych.train.generate.generator import Generator
from triptych.train.generate.open_model import open_model
from triptych.train.handing_on.huggingface import export_to_huggingface
from triptych.train.initial_weights import initial_weights, table_lines
from triptych.train.run import train
from triptych.train.run_record import InitialPart, InitialWeights, RunRecord

from .conftest import Workshop
from .small_runs import curve, tree


def config_of(dataset: Path, out: Path, source: Path, **more: Any) -> TrainConfig:
    init = {"from": str(source), **more.pop("init", {})}
    return TrainConfig.model_validate(tree(dataset, out, init=init, steps=4) | more)


def begun(config: TrainConfig) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], InitialWeights]:
    """Values of a new model with and without `init`, and the record."""
    plan = plan_of(config)
    models = [Transformer(shape_of(config.model), plan.vocabulary) for _ in range(2)]
    for model in models:
        initialise(model, config.seed, config.model.embedding_std)
    found = initial_weights(config, plan)
    assert found is not None
    found.apply(models[0])
    counts = sum(parameter.numel() for parameter in models[0].parameters())
    assert sum(part.taken + part.new for part in found.record.parts) == counts
    return (*(dict(model.state_dict()) for model in models), found.record)  # type: ignore[return-value]


def test_all_values_of_a_model_of_one_shape_are_taken(undisturbed: Path, dataset: Path, tmp_path: Path) -> None:
    values, _, record = begun(config_of(dataset, tmp_path / "run", undisturbed))
    donor = open_model(undisturbed, None).model.state_dict()
    assert values.keys() == donor.keys()
    assert all(torch.equal(values[name], donor[name]) for name in donor)
    assert {(part.new, part.left) for part in record.parts} == {(0, 0)}
    values, _, other = begun(config_of(dataset, tmp_path / "run", undisturbed, init={"step": 9}))
    donor = open_model(undisturbed, 9).model.state_dict()
    assert all(torch.equal(values[name], donor[name]) for name in donor)
    assert other.weights != record.weights


def test_further_layers_are_new_and_a_bias_that_is_not_there_is_none(
    undisturbed: Path, dataset: Path, tmp_path: Path
) -> None:
    deeper = config_of(dataset, tmp_path / "run", undisturbed, model={"depth": 2, "width": 64, "head_bias": False})
    values, fresh, record = begun(deeper)
    donor = open_model(undisturbed, None).model.state_dict()
    for name, value in values.items():
        assert torch.equal(value, fresh[name] if name.startswith("blocks.1.") else donor[name]), name
    parts = {part.part: part for part in record.parts}
    assert (parts["layer 0"].new, parts["layer 1"].taken) == (0, 0)
    assert parts["layer 1"].new == parts["layer 0"].taken
    assert sum(part.left for part in record.parts) == donor["head.bias"].numel()


def test_a_model_without_bias_gives_its_rows_none(undisturbed: Path, dataset: Path, tmp_path: Path) -> None:
    model = {"depth": 2, "width": 64, "head_bias": False}
    donor = TrainConfig.model_validate(tree(dataset, tmp_path / "donor", steps=2, model=model))
    torch.set_num_threads(1)
    assert train(donor)
    plan = plan_of(config := config_of(dataset, tmp_path / "run", tmp_path / "donor"))
    made = Transformer(shape_of(config.model), plan.vocabulary)
    initialise(made, 0)
    assert made.head.bias is not None
    with torch.no_grad():
        made.head.bias.fill_(3.0)  # as the frequencies of the data have set it
    found = initial_weights(config, plan)
    assert found is not None
    found.apply(made)
    assert not made.head.bias.any()
    left = {part.part: part.left for part in found.record.parts}
    assert left["layer 1"] > 0
    assert left["layer 0"] == 0


def test_rows_are_taken_by_what_codes_mean(dataset: Path, workshop: type[Workshop], tmp_path: Path) -> None:
    theirs = workshop.vocabulary.model_copy(update={"tokenizers": {"image": "a", "audio": "b"}})
    mine = theirs.model_copy(update={"tokenizers": {"image": "c", "audio": "b"}})
    folders = [
        workshop.write(tmp_path / name, counts={"docs": 40, "stamps": 30, "prompts": 30}, vocabulary=vocabulary)
        for name, vocabulary in (("theirs", theirs), ("mine", mine))
    ]
    torch.set_num_threads(1)
    assert train(TrainConfig.model_validate(tree(folders[0], tmp_path / "donor", steps=2)))
    with pytest.raises(Refusal, match=r"Set `init\.match: vocabulary`"):
        initial_weights(config := config_of(folders[1], tmp_path / "run", tmp_path / "donor"), plan_of(config))
    config = config_of(folders[1], tmp_path / "run", tmp_path / "donor", init={"match": "vocabulary"})
    values, fresh, record = begun(config)
    donor = open_model(tmp_path / "donor", None).model.state_dict()
    block = mine.slices[2]
    images = slice(block.start, block.stop)
    assert torch.equal(values["tokens.weight"][images], fresh["tokens.weight"][images])
    same = [row for row in range(mine.size) if row not in range(block.start, block.stop)]
    assert torch.equal(values["tokens.weight"][same], donor["tokens.weight"][same])
    first = 1 + mine.text  # classes of texts, with EOS
    head = range(first, first + mine.image)
    others = [row for row in range(len(values["head.weight"])) if row not in head]
    assert torch.equal(values["head.weight"][list(head)], fresh["head.weight"][list(head)])
    assert torch.equal(values["head.weight"][others], donor["head.weight"][others])
    parts = {part.part: part for part in record.parts}
    assert (parts["codes: image"].taken, parts["codes: audio 1"].new) == (0, 0)


def test_a_run_says_what_it_took_and_resumes_without_the_other(
    undisturbed: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.set_num_threads(1)
    export_to_huggingface(str(undisturbed), str(tmp_path / "export"))
    out = tmp_path / "run"
    assert train(config_of(dataset, out, tmp_path / "export", checkpoint={"every": 2, "keep": 5}))
    printed = capsys.readouterr().out
    assert "starting with weights of" in printed
    assert "layer 0" in printed
    record = RunRecord.read(out)
    assert record.initial is not None
    assert record.initial.source == str(tmp_path / "export")
    before = curve(undisturbed)[-1]["nelbo"]["text"], curve(undisturbed)[0]["nelbo"]["text"]
    assert curve(out)[0]["nelbo"]["text"] < sum(before) / 2  # it begins where the other ended
    weights = (out / "model" / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "export")
    assert train(config_of(dataset, out, tmp_path / "export", checkpoint={"every": 2, "keep": 5}), start=2)
    assert (out / "model" / "model.safetensors").read_bytes() == weights
    assert RunRecord.read(out).initial == record.initial
    assert "starting with" not in capsys.readouterr().out
    with pytest.raises(Refusal, match=r"`init(\.from)?: "):
        train(TrainConfig.model_validate(tree(dataset, out, steps=4, checkpoint={"every": 2, "keep": 5})))


def test_what_does_not_fit_is_refused_before_anything_is_written(
    undisturbed: Path, dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(Refusal, match=r"no layer of it fits this model: it has width 64.*this one\s+width 128"):
        train(config_of(dataset, out, undisturbed, model={"depth": 1, "width": 128}))
    with pytest.raises(Refusal, match="so no finished model"):
        train(config_of(dataset, out, tmp_path / "nowhere"))
    with pytest.raises(Refusal, match="no checkpoint of step 5"):
        train(config_of(dataset, out, undisturbed, init={"step": 5}))
    assert not out.exists()


def test_equal_layers_are_one_line() -> None:
    sizes = [("codes: text", 1, 0), ("layer 0", 5, 0), ("layer 1", 5, 0), ("layer 2", 5, 0), ("layer 3", 0, 5)]
    parts = tuple(InitialPart(part=name, taken=taken, new=new, left=0) for name, taken, new in sizes)
    lines = table_lines(InitialWeights(source="a", weights="b", parts=parts))
    assert [line[0] for line in lines] == ["codes: text", "layers 0 to 2", "layer 3"]


def test_an_export_is_the_same_donor_as_its_run(undisturbed: Path, tmp_path: Path) -> None:
    export_to_huggingface(str(undisturbed), str(tmp_path / "export"))
    mine, theirs = (Generator.open(path).model.state_dict() for path in (tmp_path / "export", undisturbed))
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
