"""Local data through Hugging Face `datasets`: folders, JSON, Parquet, saved datasets; media undecoded."""

import io
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import soundfile
from PIL import Image

from triptych.pipelines.sources.base import Reader
from triptych.schemas.errors import Refusal

from .conftest import Read


def config(path: Path | str, modality: str = "image-text", **more: Any) -> dict[str, Any]:
    media = {"image": "image"} if "image" in modality else {"audio": "audio"} if "audio" in modality else {}
    return {"kind": "datasets", "path": str(path), "modality": modality, "text": "text", **media, **more}


def png(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4), (shade, 0, 0)).save(out, "png")
    return out.getvalue()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "train").mkdir(parents=True)
    for n in range(5):
        (folder / "train" / f"{n}.png").write_bytes(png(n))
    names = "".join(f"{n}.png,no. {n}\n" for n in range(5))
    (folder / "train/metadata.csv").write_text(f"file_name,text\n{names}")
    return folder


EXPECTED = [{"row": n, "text": f"no. {n}", "image": png(n)} for n in range(5)]


def test_imagefolder_gives_the_files_as_they_are(pictures: Path, read: Callable[..., Read]) -> None:
    got = read(**config(pictures))
    assert got.rows == EXPECTED
    assert got.labels == ["pictures/train"]
    by_builder = read(**config("imagefolder", data_files=f"{pictures}/train/*"))
    assert by_builder.rows == EXPECTED
    assert by_builder.digests == got.digests
    assert read(**config(pictures, split="train[1:3]")).column("text") == ["no. 1", "no. 2"]


def test_saved_and_parquet_datasets_hold_their_bytes(pictures: Path, tmp_path: Path, read: Callable[..., Read]) -> None:
    loaded = datasets.load_dataset(str(pictures), split="train")
    digests = read(**config(pictures)).digests
    (tmp_path / "p").mkdir()
    loaded.to_parquet(tmp_path / "p/train.parquet")
    datasets.DatasetDict(test=loaded).save_to_disk(tmp_path / "dict")
    loaded.save_to_disk(tmp_path / "one")
    for spec in (config(tmp_path / "dict", split="test"), config(tmp_path / "one"), config(tmp_path / "p")):
        got = read(**spec)
        assert got.rows == EXPECTED
        assert got.digests == digests


def test_audiofolder_needs_no_decoder(tmp_path: Path, read: Callable[..., Read]) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    for n in range(2):
        soundfile.write(folder / f"{n}.wav", np.full(80, n / 4), 8000)
    (folder / "metadata.jsonl").write_text('{"file_name":"0.wav","text":"a"}\n{"file_name":"1.wav","text":"b"}\n')
    got = read(**config(folder, "audio-text"))
    assert got.column("audio") == [(folder / f"{n}.wav").read_bytes() for n in range(2)]
    assert got.column("text") == ["a", "b"]


def test_json_with_missing_texts(tmp_path: Path, read: Callable[..., Read]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a":"x","b":null}\n{"a":null,"b":"y"}\n{"a":null,"b":null}\n')
    got = read(**config("json", "text", data_files=str(path), text="a;b"))
    assert got.rows == [{"row": 0, "text": "x"}, {"row": 1, "text": "y"}]
    assert got.reasons == {2: "text_missing"}


def test_units_are_row_ranges_with_digests_of_their_own(
    pictures: Path, opened: Callable[..., Reader], read: Callable[..., Read]
) -> None:
    size = max(len(png(n)) for n in range(5)) + len("no. 0")
    spec = config(pictures)
    units = opened(budget=2 * size, **spec).units()
    assert [(unit.start, unit.stop) for unit in units] == [(0, 2), (2, 4), (4, 5)]
    before = read(budget=2 * size, **spec)
    assert before.rows == EXPECTED
    (pictures / "train/3.png").write_bytes(png(99))
    after = read(budget=2 * size, **spec)
    assert [a == b for a, b in zip(after.digests, before.digests, strict=True)] == [True, False, True]
    assert after.rows[3]["image"] == png(99)


def test_files_that_are_gone_or_too_large_are_dropped(pictures: Path, opened: Callable[..., Reader]) -> None:
    reader = opened(5000, **config(pictures))
    (unit,) = reader.units()
    (pictures / "train/1.png").unlink()
    (pictures / "train/2.png").write_bytes(b"x" * 10_000)
    (batch,) = reader.read(unit)
    assert batch.table.to_pylist() == [EXPECTED[0], EXPECTED[3], EXPECTED[4]]
    assert {drop.row: drop.reason for drop in batch.drops} == {1: "image_missing", 2: "row_too_large"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"text": "caption"}, ["`sources.src.text` is 'caption'", "no such column", "image, text"]),
        ({"split": "test"}, ["`sources.src.path` is ", "split 'test'", "Check path, config, split"]),
        ({"path": "nobody/nothing"}, ["'nobody/nothing'", "a hub name needs a network"]),
        ({"image": "text", "text": "image"}, ["`sources.src.text` is 'image'", "struct"]),
    ],
)
def test_what_cannot_be_loaded_is_refused_in_one_paragraph(
    pictures: Path, opened: Callable[..., Reader], more: dict[str, Any], said: list[str]
) -> None:
    with pytest.raises(Refusal) as refused:
        opened(**{**config(pictures), **more}).units()
    assert all(part in str(refused.value) for part in said)
    assert "\n" not in str(refused.value)


def test_a_reader_travels_without_its_data(pictures: Path, opened: Callable[..., Reader]) -> None:
    reader = opened(**config(pictures))
    units = reader.units()
    sent = pickle.dumps(reader)
    assert len(sent) < 1000
    again = pickle.loads(sent)
    assert [batch.table.to_pylist() for batch in again.read(units[0])] == [EXPECTED]


def test_splits_and_slices_of_saved_datasets(tmp_path: Path, read: Callable[..., Read]) -> None:
    train = datasets.Dataset.from_dict({"text": [f"a{n}" for n in range(10)]})
    test = datasets.Dataset.from_dict({"text": [f"b{n}" for n in range(4)]})
    datasets.DatasetDict(train=train, test=test).save_to_disk(tmp_path / "dict")
    train.save_to_disk(tmp_path / "one")
    datasets.DatasetDict(test=test)["test"].save_to_disk(tmp_path / "unnamed")

    def texts(folder: str, split: str) -> list[Any]:
        return read(**config(tmp_path / folder, "text", split=split)).column("text")

    assert texts("dict", "train[:2]") == texts("one", "train[:2]") == ["a0", "a1"]
    assert texts("dict", "train[-20%:]+test") == ["a8", "a9", "b0", "b1", "b2", "b3"]
    assert texts("dict", "test[3:1]") == []
    assert texts("unnamed", "train[1:3]") == ["b1", "b2"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"config": "en"}, "`sources.src.config` has no effect"),
        ({"revision": "main"}, "`sources.src.revision` has no effect"),
        ({"data_files": "a.csv"}, "`sources.src.data_files` has no effect"),
        ({"split": "test"}, 'Unknown split "test"'),
        ({"split": "train[:x]"}, "Unrecognized instruction format"),
    ],
)
def test_keys_without_effect_on_a_saved_dataset_are_refused(
    tmp_path: Path, opened: Callable[..., Reader], more: dict[str, Any], said: str
) -> None:
    datasets.Dataset.from_dict({"text": ["a"]}).save_to_disk(tmp_path / "one")
    with pytest.raises(Refusal, match=re.escape(said)):
        opened(**config(tmp_path / "one", "text", **more)).units()


WORDS = ["null", "NA", "None", "nan", "", "007", "abc"]


def test_words_of_csv_files_are_words(tmp_path: Path, read: Callable[..., Read]) -> None:
    rows = "".join(f"{word},{n if n % 2 else 'NA'},{word}\n" for n, word in enumerate(WORDS))
    (tmp_path / "data").mkdir()
    path = tmp_path / "data/a.csv"
    path.write_text(f"text,n,license\n{rows}")
    for spec in (config("csv", "text", data_files=str(path)), config(path.parent, "text")):
        got = read(**spec, license="license")
        assert got.column("text") == got.column("license") == [word for word in WORDS if word]
        assert got.reasons == {4: "text_missing"}


def test_words_of_the_table_of_a_media_folder_are_words(tmp_path: Path, read: Callable[..., Read]) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(len(WORDS)):
        (folder / f"{n}.png").write_bytes(png(n))
    (folder / "metadata.csv").write_text("file_name,text\n" + "".join(f"{n}.png,{w}\n" for n, w in enumerate(WORDS)))
    got = read(**config(folder))
    assert got.column("text") == [word for word in WORDS if word]
    assert got.reasons == {4: "text_missing"}


def test_a_csv_with_two_columns_of_one_name_is_refused(tmp_path: Path, opened: Callable[..., Reader]) -> None:
    (tmp_path / "a.csv").write_text("text,n,n,text\na,1,2,b\n")
    with pytest.raises(Refusal, match=r"a.csv has two columns named 'text'"):
        opened(**config("csv", "text", data_files=str(tmp_path / "a.csv"))).units()


def test_labels_are_read_by_their_names(tmp_path: Path, read: Callable[..., Read]) -> None:
    label = datasets.ClassLabel(names=["yes", "no"])
    features = datasets.Features({"text": label, "license": label})
    found = datasets.Dataset.from_dict({"text": [1, 0, -1], "license": [0, None, 1]}, features=features)
    found.save_to_disk(tmp_path / "one")
    got = read(**config(tmp_path / "one", "text", license="license"))
    assert got.rows == [{"row": 0, "text": "no", "license": "yes"}, {"row": 1, "text": "yes", "license": None}]
    assert got.reasons == {2: "text_missing"}
