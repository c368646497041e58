"""Exports are opened by the libraries that they are for, or by a reader written here from the published format."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.pipelines.handing_on.export import LAYOUTS, export
from triptych.pipelines.handing_on.megatron import id_type, write_index
from triptych.pipelines.takedown.takedown import take_down
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal

MATRICES = ("tokens", "segment", "modality")


def hexed(value: Any) -> Any:
    """A table with its hashes as hexadecimal digits, as JSON holds them."""
    if isinstance(value, dict):
        return {name: hexed(each) for name, each in value.items()}
    if isinstance(value, list):
        return [hexed(each) for each in value]
    return value.hex() if isinstance(value, bytes) else value


def rows_of(url: Path) -> list[dict[str, Any]]:
    """The packed rows of a dataset."""
    dataset = Dataset(str(url))
    found = []
    for number in range(dataset.rows):
        row = dataset.row(number)
        found.append(
            {name: np.asarray(getattr(row, name)).tolist() for name in MATRICES}
            | {"segments": hexed(row.segments), "spans": row.spans}
        )
    return found


@pytest.fixture(params=["made", "texts"])
def dataset(request: pytest.FixtureRequest) -> Path:
    """Datasets of one and of several shards a group."""
    folder: Path = request.getfixturevalue(request.param)
    return folder


def test_parquet_opens_with_load_dataset(dataset: Path, tmp_path: Path) -> None:
    import datasets

    export(str(dataset), "parquet", str(tmp_path / "handed"))
    opened = datasets.load_dataset(str(tmp_path / "handed"), split="train", cache_dir=str(tmp_path / "cache"))
    assert [hexed(row) for row in opened] == rows_of(dataset)
    tables = [pq.read_table(path) for path in sorted((tmp_path / "handed/data").iterdir())]
    assert [hexed(row) for table in tables for row in table.to_pylist()] == rows_of(dataset)


def test_hf_opens_with_load_from_disk(dataset: Path, tmp_path: Path) -> None:
    import datasets

    export(str(dataset), "hf", str(tmp_path / "handed"))
    opened = datasets.load_from_disk(str(tmp_path / "handed"))
    assert [hexed(row) for row in opened] == rows_of(dataset)
    first = opened.with_format("numpy")[0]["tokens"]
    assert first.tolist() == rows_of(dataset)[0]["tokens"]


def test_webdataset_opens_with_its_library(dataset: Path, tmp_path: Path) -> None:
    import webdataset

    export(str(dataset), "webdataset", str(tmp_path / "handed"))
    tars = sorted(map(str, (tmp_path / "handed").glob("*.tar")))
    samples = list(webdataset.WebDataset(tars, shardshuffle=False).decode())
    found = [
        {name: sample[f"{name}.npy"].tolist() for name in MATRICES}
        | {name: sample[f"{name}.json"] for name in ("segments", "spans")}
        for sample in samples
    ]
    assert found == rows_of(dataset)
    assert samples[0]["tokens.npy"].dtype == Dataset(str(dataset)).manifest.vocabulary.dtype
    export(str(dataset), "webdataset", str(tmp_path / "again"))
    assert [Path(tar).read_bytes() for tar in tars] == [
        path.read_bytes() for path in sorted((tmp_path / "again").glob("*.tar"))
    ]


def read_mds(folder: Path) -> list[dict[str, Any]]:
    """Samples of MDS, read by the layout that the writer of mosaicml/streaming documents."""
    found = []
    for entry in json.loads((folder / "index.json").read_text())["shards"]:
        data = (folder / entry["raw_data"]["basename"]).read_bytes()
        assert (len(data), entry["version"], entry["format"]) == (entry["raw_data"]["bytes"], 2, "mds")
        (count,) = struct.unpack_from("<I", data)
        assert count == entry["samples"]
        offsets = np.frombuffer(data, "<u4", count + 1, 4)
        config = json.loads(data[4 + offsets.nbytes : offsets[0]])
        assert config.items() <= entry.items()
        for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            found.append(_mds_sample(data[begin:end], entry))
    return found


def _mds_sample(data: bytes, entry: dict[str, Any]) -> dict[str, Any]:
    at, sizes = 0, []
    for size in entry["column_sizes"]:
        if size is None:
            sizes.append(struct.unpack_from("<I", data, at)[0])
            at += 4
        else:
            sizes.append(size)
    sample = {}
    for name, encoding, size in zip(entry["column_names"], entry["column_encodings"], sizes, strict=True):
        part, at = data[at : at + size], at + size
        kind, *parameters = encoding.split(":")
        sample[name] = json.loads(part) if kind == "json" else np.frombuffer(part, parameters[0]).tolist()
    assert at == len(data)
    return sample


def test_mds_holds_the_rows(dataset: Path, tmp_path: Path) -> None:
    export(str(dataset), "mds", str(tmp_path / "handed"))
    assert read_mds(tmp_path / "handed") == rows_of(dataset)


def read_megatron(prefix: Path) -> list[np.ndarray]:
    """Documents of an IndexedDataset, read by the layout that Megatron-LM's `_IndexReader` documents."""
    data = prefix.with_suffix(".idx").read_bytes()
    magic, version, code, sequences, bounds = struct.unpack_from("<9sQBQQ", data)
    assert (magic, version) == (b"MMIDIDX\x00\x00", 1)
    dtype = {4: np.int32, 8: np.uint16}[code]
    at = 34
    lengths = np.frombuffer(data, "<i4", sequences, at)
    pointers = np.frombuffer(data, "<i8", sequences, at + lengths.nbytes)
    documents = np.frombuffer(data, "<i8", bounds, at + lengths.nbytes + pointers.nbytes)
    assert at + lengths.nbytes + pointers.nbytes + documents.nbytes == len(data)
    assert documents.tolist() == list(range(sequences + 1))
    ids = prefix.with_suffix(".bin").read_bytes()
    assert len(ids) == lengths.sum() * np.dtype(dtype).itemsize
    return [np.frombuffer(ids, dtype, n, p) for n, p in zip(lengths.tolist(), pointers.tolist(), strict=True)]


def test_megatron_holds_one_document_a_segment(dataset: Path, tmp_path: Path) -> None:
    export(str(dataset), "megatron", str(tmp_path / "handed"))
    documents = [ids.tolist() for ids in read_megatron(tmp_path / "handed/tokens")]
    lineage = hexed(pq.read_table(tmp_path / "handed/lineage.parquet").to_pylist())
    wanted = [
        ({"packed_row": number} | segment, row["tokens"][segment["start"] : segment["start"] + segment["length"]])
        for number, row in enumerate(rows_of(dataset))
        for segment in row["segments"]
    ]
    assert lineage == [segment for segment, _ in wanted]
    assert documents == [ids for _, ids in wanted]


def test_megatron_reads_large_vocabularies_as_int32(monkeypatch: pytest.MonkeyPatch) -> None:
    assert id_type(65_499) == np.uint16
    assert id_type(65_500) == np.int32
    assert id_type(100_000) == np.int32
    monkeypatch.setattr("triptych.pipelines.handing_on.megatron.BLOCK", 3)  # lengths in several blocks
    lengths, index = np.arange(1, 9, dtype="<i4"), io.BytesIO()
    write_index(index, io.BytesIO(lengths.tobytes()), np.dtype(np.int32))
    pointers = np.frombuffer(index.getvalue(), "<i8", 8, 34 + lengths.nbytes)
    assert pointers.tolist() == (4 * (np.cumsum(lengths) - lengths)).tolist()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_export_describes_its_ids_and_has_the_tokenizers(layout: Any, made: Path, tmp_path: Path) -> None:
    export(str(made), layout, str(tmp_path / "handed"))
    found = json.loads((tmp_path / "handed/triptych.json").read_text())
    manifest = Dataset(str(made)).manifest
    assert found["vocabulary"] == manifest.vocabulary.model_dump(mode="json")
    assert (found["fingerprint"], found["row_length"]) == (manifest.fingerprint, manifest.row_length)
    assert [each["to"] for each in found["ids"]][-1] == found["vocabulary_size"] == manifest.vocabulary.size
    for path in (made / "tokenizers").rglob("*"):
        if path.is_file():
            assert (tmp_path / "handed" / path.relative_to(made)).read_bytes() == path.read_bytes()


def test_a_folder_that_exists_is_not_touched(made: Path, tmp_path: Path) -> None:
    (tmp_path / "handed").mkdir()
    with pytest.raises(Refusal, match="exists"):
        export(str(made), "parquet", str(tmp_path / "handed"))
    assert list(tmp_path.iterdir()) == [tmp_path / "handed"]
    assert not list((tmp_path / "handed").iterdir())
    with pytest.raises(Refusal, match="is a URL"):
        export(str(made), "parquet", "s3://bucket/handed")


def test_an_export_that_fails_leaves_nothing(copy: Path, tmp_path: Path) -> None:
    shard = max((copy / "shards").iterdir())
    shard.write_bytes(shard.read_bytes()[:-8] + bytes(8))
    for layout in LAYOUTS:
        with pytest.raises(Refusal, match="checksum"):
            export(str(copy), layout, str(tmp_path / "handed"))
    assert list(tmp_path.iterdir()) == [copy]


def test_what_was_taken_down_is_not_handed_on(copy: Path, tmp_path: Path) -> None:
    gone = rows_of(copy)[0]["segments"][0]["id"]
    (copy / "takedown.txt").write_text(gone + "\n")  # as an interrupted takedown leaves it
    with pytest.raises(Refusal, match=f"{gone}, which was taken down"):
        export(str(copy), "megatron", str(tmp_path / "handed"))
    take_down(str(copy), [gone])
    export(str(copy), "megatron", str(tmp_path / "handed"))
    ids = pq.read_table(tmp_path / "handed/lineage.parquet")["id"]
    assert gone not in {each.hex() for each in ids.to_pylist()}


def test_blocks_of_rows_give_the_same_table(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.pipelines.handing_on.row_blocks.BLOCK_BYTES", 5000)
    monkeypatch.setattr("triptych.pipelines.handing_on.megatron.BLOCK_TOKENS", 700)
    for layout in ("parquet", "mds", "megatron"):
        export(str(made), layout, str(tmp_path / layout))
    tables = [pq.read_table(path) for path in sorted((tmp_path / "parquet/data").iterdir())]
    assert hexed(pa.concat_tables(tables).to_pylist()) == rows_of(made)
    assert read_mds(tmp_path / "mds") == rows_of(made)
    lengths = [len(ids) for ids in read_megatron(tmp_path / "megatron/tokens")]
    assert lengths == [segment["length"] for row in rows_of(made) for segment in row["segments"]]
