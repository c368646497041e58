"""Ids of other software become the same ids in packed rows, with their origin; what does not fit is refused."""

import json
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.pipelines.handing_on.import_tokens import ImportRequest, import_tokens
from triptych.pipelines.handing_on.megatron import HEADER
from triptych.pipelines.inspection.verify import verify
from triptych.schemas.config.tokenizers import SentencePieceConfig
from triptych.schemas.dataset.layout import codes_of_span
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import Modality
from triptych.tokenizers.registry import load_text

END = 2


@pytest.fixture
def documents(makers: Any, text_model: Path) -> list[list[int]]:
    """Ids of texts; one is empty, one is blank, and one is longer than a row."""
    tokenizer = load_text(SentencePieceConfig(path=str(text_model)), None)
    texts = [makers.words(seed, 12 + 9 * seed) for seed in range(30)] + ["", " ", makers.words(99, 700)]
    codes, offsets = tokenizer.encode(texts)
    return [codes[a:b].tolist() for a, b in pairwise(offsets)]


def write_megatron(folder: Path, documents: list[list[int]]) -> Path:
    lengths = np.array([len(each) for each in documents])
    dtype = np.dtype(np.uint16)
    (folder / "a.bin").write_bytes(np.array([i for each in documents for i in each], dtype).tobytes())
    starts = np.r_[0, np.cumsum(lengths)[:-1]] * dtype.itemsize
    body = struct.pack("<QBQQ", 1, 8, len(documents), len(documents) + 1) + lengths.astype("<i4").tobytes()
    body += starts.astype("<i8").tobytes() + np.arange(len(documents) + 1, dtype="<i8").tobytes()
    (folder / "a.idx").write_bytes(HEADER + body)
    return folder / "a.idx"


def write_datatrove(folder: Path, documents: list[list[int]]) -> Path:
    (folder / "a.ds").write_bytes(np.array([i for each in documents for i in each], "<u4").tobytes())
    ends = np.cumsum([len(each) for each in documents])
    (folder / "a.ds.index").write_bytes(ends.astype("<u8").tobytes())
    return folder / "a.ds"


def write_parquet(folder: Path, documents: list[list[int]]) -> Path:
    pq.write_table(pa.table({"input_ids": pa.array(documents, pa.list_(pa.int32()))}), folder / "a.parquet")
    return folder / "a.parquet"


def packed(dataset: Dataset) -> dict[int, list[int]]:
    """The ids of each document by its row, pieces joined."""
    found: dict[int, list[tuple[int, list[int]]]] = {}
    for at in range(dataset.rows):
        row = dataset.row(at)
        for span in row.spans:
            segment = row.segments[span["segment"] - 1]
            ids = row.tokens[span["start"] : span["start"] + span["length"]]
            codes = codes_of_span(ids, Modality.TEXT, dataset.manifest.vocabulary)
            found.setdefault(segment["row"], []).append((segment["offset"], codes.tolist()))
    return {row: [i for _, codes in sorted(pieces) for i in codes] for row, pieces in found.items()}


@pytest.mark.parametrize("write", [write_megatron, write_datatrove, write_parquet])
@pytest.mark.parametrize("end", [None, END])
def test_ids_are_kept(
    write: Callable[[Path, list[list[int]]], Path],
    end: int | None,
    documents: list[list[int]],
    text_model: Path,
    tmp_path: Path,
) -> None:
    ended = [[*each, END] for each in documents] if end is not None else documents
    file = write(tmp_path, ended)
    manifest = import_tokens(ImportRequest((file,), str(text_model), end=end, row_length=256), str(tmp_path / "out"))
    dataset = Dataset(str(tmp_path / "out"))
    assert verify(str(tmp_path / "out"))[1] == []
    found = packed(dataset)
    assert found == {row: each for row, each in enumerate(documents) if row not in (30, 31)}
    read, normalise = manifest.ledger[:2]
    assert (read.rows_in, read.kept, normalise.dropped) == (33, 33, {"text_empty": 2})
    assert {entry["file"] for entry in dataset.row(0).segments} == {file.name}
    assert not (tmp_path / "out" / "_work").exists()


def test_a_document_has_the_content_of_its_text(
    documents: list[list[int]], makers: Any, text_tree: Any, prepared: Any, text_model: Path, tmp_path: Path
) -> None:
    makers.write_docs(tmp_path / "a.jsonl", [makers.words(seed, 12 + 9 * seed) for seed in range(30)])
    tree = text_tree(tmp_path / "made")
    tree["sources"][0]["path"] = str(tmp_path / "a.jsonl")
    prepared(tree)
    import_tokens(ImportRequest((write_parquet(tmp_path, documents[:30]),), str(text_model)), str(tmp_path / "out"))
    made, out = (
        {segment["content"] for row in range(dataset.rows) for segment in dataset.row(row).segments}
        for dataset in (Dataset(str(tmp_path / name)) for name in ("made", "out"))
    )
    assert made == out


def test_null_lists_are_dropped_by_name(documents: list[list[int]], text_model: Path, tmp_path: Path) -> None:
    table = pa.table({"tokens": pa.array([documents[0], None, documents[1]], pa.large_list(pa.int64()))})
    pq.write_table(table, tmp_path / "a.parquet")
    request = ImportRequest((tmp_path / "a.parquet",), str(text_model), column="tokens")
    manifest = import_tokens(request, str(tmp_path / "out"))
    assert manifest.ledger[0].dropped == {"text_missing": 1}
    assert set(packed(Dataset(str(tmp_path / "out")))) == {0, 2}


def test_ids_of_another_tokenizer_are_refused(documents: list[list[int]], text_model: Path, tmp_path: Path) -> None:
    documents[7][3] = 40_000
    for write in (write_megatron, write_datatrove, write_parquet):
        with pytest.raises(Refusal, match=r"document 7 holds the id 40,000, and .* has the ids 0 to 399\."):
            import_tokens(ImportRequest((write(tmp_path, documents),), str(text_model)), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def damaged(folder: Path, documents: list[list[int]]) -> dict[str, Path]:
    """Files by what the refusal says of them."""
    found: dict[str, Path] = {}
    for name in ("short", "old", "lost", "cut", "numbers", "odd"):
        (folder / name).mkdir()
    index = write_megatron(folder / "short", documents)
    index.with_suffix(".bin").write_bytes(index.with_suffix(".bin").read_bytes()[:-20])
    found["Copy both again"] = index
    index = write_megatron(folder / "old", documents)
    index.write_bytes(index.read_bytes().replace(b"MMIDIDX", b"TNTIDX\0"))
    found["is no index of Megatron-LM"] = index
    index = write_megatron(folder / "lost", documents)
    index.with_suffix(".bin").unlink()
    found["a.bin: does not exist"] = index
    file = write_datatrove(folder / "cut", documents)
    file.write_bytes(file.read_bytes()[:-4])
    found["ids of 2 or 4 bytes"] = file
    pq.write_table(pa.table({"input_ids": [1, 2]}), folder / "numbers" / "a.parquet")
    found["not lists of whole numbers"] = folder / "numbers" / "a.parquet"
    (folder / "odd" / "a.npy").write_bytes(b"")
    found["can be imported"] = folder / "odd" / "a.npy"
    return found


def test_damaged_files_are_refused(documents: list[list[int]], text_model: Path, tmp_path: Path) -> None:
    for message, file in damaged(tmp_path, documents).items():
        with pytest.raises(Refusal, match=message):
            import_tokens(ImportRequest((file,), str(text_model)), str(tmp_path / "out"))


def test_the_command_prints_what_it_made(
    documents: list[list[int]], text_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from triptych.cli.main import cli

    file = write_parquet(tmp_path, documents)
    line = ["import", str(file), str(tmp_path / "out"), "--tokenizer", str(text_model), "--name", "web", "--json"]
    facts = json.loads(CliRunner().invoke(cli, line, catch_exceptions=False).stdout)
    assert (facts["documents"], facts["dropped"]) == (31, 2)
    assert facts["tokens"] == sum(map(len, documents)) - len(documents[31])
