"""Files that hold samples: pairs, tars, Parquet, JSON; other splits are left out, and what is no sample is said."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from triptych.pipelines.starting.listing import list_files
from triptych.pipelines.starting.sample_files import columnar, interleaved_documents, pairs, tars, training_files


def test_other_splits_are_left_out_where_there_is_training() -> None:
    assert training_files(["train-0.jsonl", "test-0.jsonl"]) == (["train-0.jsonl"], ["test-0.jsonl"])
    assert training_files(["data/valid/0.jsonl", "data/0.jsonl"]) == (["data/0.jsonl"], ["data/valid/0.jsonl"])
    assert training_files(["test-0.jsonl", "dev.jsonl"]) == (["test-0.jsonl", "dev.jsonl"], [])


def test_files_of_one_set_of_columns_are_one_source(tmp_path: Path) -> None:
    for name in ("train-0", "train-1", "test-0"):
        pq.write_table(pa.table({"text": ["a text of words"], "n": [1]}), tmp_path / f"{name}.parquet")
    (tmp_path / "x.jsonl").write_text('{"body": "a text of words"}\n')
    listing, about = list_files(str(tmp_path))
    first, second = columnar(listing, frozenset(about), [])
    assert first.keys == {"kind": "parquet", "path": f"{tmp_path}/train*.parquet", "text": "text"}
    assert first.hints == ("left out, since their names are those of other splits: test-0.parquet",)
    assert second.keys == {"kind": "jsonl", "path": f"{tmp_path}/x.jsonl", "text": "body"}


def test_addresses_of_media_and_interleaved_documents_are_no_samples(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"URL": "https://e.org/1.jpg", "caption": "a red fox"}\n')
    notes: list[str] = []
    listing, about = list_files(str(tmp_path))
    assert columnar(listing, frozenset(about), notes) == []
    assert "holds addresses of media in `url`" in notes[0]
    assert "`text_from: join`" in interleaved_documents({"images": [["a", None]], "texts": [[None, "b"]]})
    assert interleaved_documents({"images": ["a"], "texts": ["b"]}) == ""


def test_pairs_may_have_several_extensions(tmp_path: Path) -> None:
    for name in ("0.png", "0.txt", "1.jpg", "1.txt", "2.jpg", "0.flac"):
        (tmp_path / name).write_bytes(b"x")
    listing, about = list_files(str(tmp_path))
    image, audio = pairs(listing, frozenset(about), [])
    assert (image.keys["image"], image.keys["text"], audio.keys["audio"]) == ("png;jpg", "txt", "flac")
    assert image.claimed == {"0.png", "0.txt", "1.jpg", "1.txt"}


def test_tars_without_texts_are_noted_and_files_beside_them_belong_to_them(tmp_path: Path, makers: Any) -> None:
    makers.write_tar(tmp_path / "a/0.tar", {"0.jpg": b"x", "0.json": json.dumps({"caption": "a red fox"}).encode()})
    makers.write_tar(tmp_path / "b/0.tar", {"0.jpg": b"x", "0.cls": b"1"})
    (tmp_path / "a/0.parquet").write_bytes(b"")
    (tmp_path / "a/0_stats.json").write_text("{}")
    notes: list[str] = []
    listing, about = list_files(str(tmp_path))
    (found,) = tars(listing, frozenset(about), notes)
    assert found.keys == {"kind": "webdataset", "path": f"{tmp_path}/a/0.tar", "image": "jpg", "text": "caption"}
    assert found.claimed == {"a/0.tar", "a/0.parquet", "a/0_stats.json"}
    assert notes == [f"{tmp_path}/b/0.tar: a tar without members of texts (jpg, cls)."]
