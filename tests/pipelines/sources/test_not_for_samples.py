"""Interleaved documents are told by their columns in every kind of file, and nothing else is taken for them."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.pipelines.sources.not_for_samples import interleaved
from triptych.schemas.errors import Refusal

from .conftest import Read

OBELICS = {"texts": [None, "a text"], "images": ["a.png", None]}
MMC4 = {"text_list": ["one", "two"], "image_info": [{"image_name": "a.png"}]}


def tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as out:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return path


def source(path: Path, **more: Any) -> dict[str, Any]:
    return {"kind": "webdataset", "path": str(path), "modality": "text", **more}


@pytest.mark.parametrize(
    ("record", "keys"),
    [
        (OBELICS, {"text": "texts"}),
        (OBELICS, {"text": "json.texts"}),
        (MMC4, {"text": "text_list", "image": "image_info", "modality": "image-text"}),
        (MMC4, {"text": "json.text_list", "image": "png", "modality": "image-text", "text_from": "first"}),
    ],
)
@pytest.mark.parametrize("media", [{}, {"0.png": b"x"}, {"0.0.png": b"x", "0.1.png": b"x"}])
def test_interleaved_documents_in_a_tar_are_refused(
    tmp_path: Path, opened: Callable[..., Any], record: dict[str, Any], keys: dict[str, str], media: dict[str, bytes]
) -> None:
    path = tar(tmp_path / "0.tar", {"0.json": json.dumps(record).encode(), **media})
    with pytest.raises(Refusal, match=r"0.tar holds interleaved documents.*not for Triptych.*`text_from: join`"):
        opened(**source(path, **keys)).units()


def test_their_texts_alone_and_pairs_beside_them_are_read(
    tmp_path: Path, read: Callable[..., Read], opened: Callable[..., Any]
) -> None:
    members = {"0.json": json.dumps(OBELICS).encode(), "0.png": b"x", "0.txt": b"a caption"}
    path = tar(tmp_path / "0.tar", members)
    reader = opened(**source(path, text="texts", text_from="join"))
    assert [batch.table["text"].to_pylist() for batch in reader.read(reader.units()[0])] == [[["a text"]]]
    pairs = read(**source(path, text="txt", image="png", modality="image-text"))
    assert pairs.column("text") == ["a caption"]


def test_columns_of_single_values_are_no_interleaved_documents(tmp_path: Path, read: Callable[..., Read]) -> None:
    pq.write_table(pa.table({"texts": ["a text"], "images": [b"x"]}), tmp_path / "a.parquet")
    keys = {"text": "texts", "image": "images", "modality": "image-text"}
    assert len(read(kind="parquet", path=str(tmp_path / "a.parquet"), **keys).rows) == 1
    (tmp_path / "a.jsonl").write_text(json.dumps({"texts": "a text", "images": []}))
    assert read(kind="jsonl", path=str(tmp_path / "a.jsonl"), modality="text", text="texts").column("text") == [
        "a text"
    ]


def test_names_are_told_in_any_case() -> None:
    assert interleaved(["id", "Texts", "IMAGES"]) == ("Texts", "IMAGES")
    assert interleaved(["texts", "id"]) is None
