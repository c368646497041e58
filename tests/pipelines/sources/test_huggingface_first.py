"""The first rows of a split are those of the whole split, and the rest of it is not loaded."""

import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest

from triptych.pipelines.sources.huggingface_load import load, measure
from triptych.schemas.config.sources import DatasetsSource
from triptych.schemas.errors import Refusal


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def source(path: str, **keys: Any) -> DatasetsSource:
    return DatasetsSource.model_validate({"name": "src", "kind": "datasets", "path": path, "text": "text", **keys})


@pytest.fixture(params=["json", "csv", "parquet"])
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Keys of a source of 3,000 rows in two files."""
    texts = [f"text {number}" if number % 3 else "null" for number in range(3000)]
    files = []
    for part in range(2):
        lines = texts[1500 * part : 1500 * part + 1500]
        file = tmp_path / f"{part}.{request.param}"
        files.append(str(file))
        if request.param == "json":
            file.write_text("".join(json.dumps({"text": line, "n": len(line)}) + "\n" for line in lines))
        elif request.param == "csv":
            file.write_text("text,n\n" + "".join(f"{line},007\n" for line in lines))
        else:
            pq.write_table(datasets.Dataset.from_dict({"text": lines}).data.table, file)
    return {"path": request.param, "data_files": files}


def test_the_first_rows_are_those_of_the_whole_split(rows: dict[str, Any], tmp_path: Path) -> None:
    first = {limit: load(source(**rows, limit=limit)) for limit in (1, 1700, 5000)}
    assert [len(head) for head in first.values()] == [1, 1700, 3000]
    assert not list((tmp_path / "cache").rglob("*-train*.arrow"))
    whole = load(source(**rows))
    for limit, head in first.items():
        assert head["text"][:] == whole["text"][:limit]
    assert load(source(**rows, limit=9)).num_rows == 3000  # now that the whole split is there, nothing is written again


def test_images_are_not_decoded(tmp_path: Path, makers: Any) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.png").write_bytes(makers.picture(number))
    (folder / "metadata.csv").write_text("file_name,text\n" + "".join(f"{number}.png,NA\n" for number in range(4)))
    keys = {"path": str(folder), "modality": "image-text", "image": "image"}
    head = load(source(**keys, limit=2)).with_format("arrow")[:]
    assert [image["path"] for image in head["image"].to_pylist()] == [f"{folder}/0.png", f"{folder}/1.png"]
    assert head["text"].to_pylist() == ["NA", "NA"]
    assert measure(source(**keys), 3) == (4.0, False, "one row a file")


def test_rows_are_estimated_from_the_head_and_counted_where_it_is_all(rows: dict[str, Any]) -> None:
    number, exact, ground = measure(source(**rows), 100)
    assert not exact
    assert 200 < number < 30_000  # Parquet is compressed, and CSV and JSON have more characters than the texts alone
    assert ground == "by the size of 2 files"
    assert measure(source(**rows), 3001) == (3000.0, True, "counted")
    load(source(**rows))
    assert measure(source(**rows, limit=5), 100) == (3000.0, True, "counted")


def test_a_slice_is_loaded_whole_and_an_unknown_split_is_refused(rows: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match=r"split 'dev'\): datasets cannot load it \(ValueError: Bad split"):
        load(source(**rows, split="dev", limit=5))
    assert load(source(**rows, split="train[10:30]", limit=5)).num_rows == 20
