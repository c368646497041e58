"""A model has the tokenizers of its dataset, the same bytes and the same codes, or says what is wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Mismatch, Refusal
from triptych.schemas.vocabulary import Modality
from triptych.tokenizers.bundle import FILE, FOLDER, Bundle, save_bundle


@pytest.fixture
def model(made: Path, tmp_path: Path) -> Path:
    save_bundle(Dataset(str(made)), tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def change(model: Path) -> Callable[[Callable[[Any], object]], Bundle]:
    """Opens the model's tokenizers after a change to tokenizers.json, which is as versions without a seal wrote it."""

    def rewrite(edit: Callable[[Any], object]) -> Bundle:
        stored = json.loads((model / FILE).read_text(encoding="utf-8"))
        del stored["seal"]
        edit(stored)
        (model / FILE).write_text(json.dumps(stored), encoding="utf-8")
        return Bundle.of_model(model)

    return rewrite


def test_the_files_of_the_tokenizers_are_copied_and_no_others(model: Path, made: Path) -> None:
    def files(folder: Path) -> dict[str, bytes]:
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    copied = files(model / FOLDER)
    assert {name.partition("/")[0] for name in copied} == {"text", "image", "audio"}
    assert copied.items() <= files(made / FOLDER).items()
    assert [path.name for path in sorted(model.iterdir())] == [FOLDER, FILE]


def test_the_tokenizers_are_those_of_the_dataset_wherever_the_model_is(model: Path, made: Path, tmp_path: Path) -> None:
    bundle = Bundle.of_model(shutil.move(model, tmp_path / "moved"))
    entries = Dataset(str(made)).manifest.tokenizers
    assert {name: card.fingerprint for name, card in bundle.cards.items()} == {
        name: entry.card.fingerprint for name, entry in entries.items()
    }
    assert bundle.text.decode(bundle.text.encode(["kalomi né"])[0]) == "kalomi né"
    assert bundle.image.encode(np.zeros((1, 16, 16, 3), np.uint8)).shape == (1, bundle.image.tokens)
    assert bundle.audio.encode([np.zeros(321, np.float32)])[0].shape == (2, len(bundle.audio.sizes))


def test_a_modality_that_is_not_there_is_refused(change: Callable[[Callable[[Any], object]], Bundle]) -> None:
    bundle = change(lambda stored: stored["cards"].pop("image"))
    assert [modality for modality in Modality if modality in bundle] == [Modality.TEXT, Modality.AUDIO]
    with pytest.raises(Refusal, match=r"has no image, only (text, audio|audio, text)\."):
        _ = bundle.image


def test_another_tokenizer_than_the_card_s_is_a_mismatch(change: Callable[[Callable[[Any], object]], Bundle]) -> None:
    bundle = change(lambda stored: stored["cards"]["text"].update(fingerprint="another"))
    with pytest.raises(Mismatch, match=r"the text tokenizer differs: .* has another, the loaded tokenizer has"):
        _ = bundle.text
    assert bundle.audio.fingerprint == bundle.cards["audio"].fingerprint


@pytest.mark.parametrize("place", [40, 400, -3])
def test_a_changed_description_is_refused(model: Path, place: int) -> None:
    data = bytearray((model / FILE).read_bytes())
    data[place] ^= 1
    (model / FILE).write_bytes(data)
    with pytest.raises(Refusal, match="does not describe tokenizers"):
        Bundle.of_model(model)


def test_a_folder_without_tokenizers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"has no tokenizers\.json"):
        Bundle.of_model(tmp_path)
