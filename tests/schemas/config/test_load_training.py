"""Overrides change a train file in their order, and a mix is taken from either kind of file."""

from pathlib import Path

import pytest

from triptych.schemas.config.load_training import PAGE, load_mix, load_training
from triptych.schemas.config.mix import MixFile
from triptych.schemas.errors import Refusal

MIX = "datasets: [{path: a, weight: 1}, {path: b, weight: 3}]\nbatch_tokens: 64\n"
TRAIN = "out: run\ndata: {datasets: [{path: a, weight: 1}], batch_tokens: 64}\nmodel: {depth: 4}\nsteps: 5\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "file.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_last_of_two_overrides_holds_and_the_file_stays(tmp_path: Path) -> None:
    path = write(tmp_path, TRAIN)
    config = load_training(path, ["steps=6", "data.datasets.0.weight=2", "steps=7"])
    assert (config.steps, config.data.datasets[0].weight) == (7, 2.0)
    assert load_training(path).steps == 5
    assert path.read_text(encoding="utf-8") == TRAIN


def test_a_mix_is_told_from_a_train_file_by_its_data(tmp_path: Path) -> None:
    mix = load_mix(write(tmp_path, MIX))
    assert isinstance(mix, MixFile)
    assert [(entry.path, entry.weight) for entry in mix.datasets] == [("a", 1.0), ("b", 3.0)]
    path = write(tmp_path, TRAIN)
    assert load_mix(path) == load_training(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "holds list, not a mapping of keys"),
        ("a: [", "cannot be read as YAML"),
        ("steps: 5", f"is missing. Add it; {PAGE}"),
    ],
)
def test_what_is_neither_file_is_refused_by_both(tmp_path: Path, text: str, words: str) -> None:
    path = write(tmp_path, text)
    for load in (load_mix, load_training):
        with pytest.raises(Refusal, match=words) as caught:
            load(path)
        assert str(caught.value).startswith(f"{path}: ")


def test_a_wrong_key_of_a_mix_in_a_train_file_is_named_in_full(tmp_path: Path) -> None:
    path = write(tmp_path, TRAIN.replace("weight: 1", "weight: 0"))
    with pytest.raises(Refusal, match=r"`data\.datasets\.0\.weight`"):
        load_mix(path)
