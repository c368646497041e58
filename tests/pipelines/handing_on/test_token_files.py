"""Files of token ids may be someone else's: whatever they claim, they are read in bounded memory or refused."""

import os
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.pipelines.handing_on import token_files as module
from triptych.pipelines.handing_on.megatron import HEADER
from triptych.pipelines.handing_on.token_files import READERS
from triptych.schemas.errors import Refusal


def documents(path: Path, column: str = "input_ids") -> list[list[int]]:
    """All documents of a file."""
    blocks = READERS[path.suffix](path, column)
    return [each.tolist() for block in blocks for each in np.split(block.ids, np.cumsum(block.lengths)[:-1])]


def write_index(path: Path, lengths: list[int], bounds: list[int], count: int | None = None, version: int = 1) -> Path:
    starts = np.r_[0, np.cumsum(lengths)[:-1]].astype("<i8") * 2
    head = struct.pack("<QBQQ", version, 8, len(lengths) if count is None else count, len(bounds))
    body = np.array(lengths, "<i4").tobytes() + starts.tobytes() + np.array(bounds, "<i8").tobytes()
    path.with_suffix(".bin").write_bytes(bytes(2 * 40))
    path.write_bytes(HEADER + head + body)
    return path


def test_blocks_have_few_documents_and_the_same_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_index(tmp_path / "a.idx", [4] * 10, list(range(11)))
    whole = documents(path)
    monkeypatch.setattr(module, "BLOCK_DOCUMENTS", 3)
    assert [len(block.lengths) for block in READERS[".idx"](path, "")] == [3, 3, 3, 1]
    assert documents(path) == whole == [[0] * 4] * 10


@pytest.mark.parametrize(
    ("lengths", "bounds", "count", "message"),
    [
        ([4], [0, 1], 2**64 - 1, "is cut off"),
        ([4], [0, 1], 2**40, "is cut off"),
        ([-4, 8], [0, 1, 2], None, "not in order"),
        ([4, 4], [0, 2, 1], None, "not in order"),
        ([4], [-1, 1], None, "not in order"),
        ([4], [0, 2**62], None, "not in order"),
        ([4], [], None, "is cut off"),
        ([400], [0, 1], None, "Copy both again"),
        ([2**31 - 1] * 3, [0, 3], None, "Copy both again"),
    ],
)
def test_an_index_that_lies_is_refused(
    lengths: list[int], bounds: list[int], count: int | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match=message):
        documents(write_index(tmp_path / "a.idx", lengths, bounds, count))


@pytest.mark.parametrize("ends", [[2**63], [2**64 - 1], [5, 3], [2**62]])
def test_an_index_of_datatrove_that_lies_is_refused(ends: list[int], tmp_path: Path) -> None:
    (tmp_path / "a.ds").write_bytes(bytes(12))
    (tmp_path / "a.ds.index").write_bytes(np.array(ends, "<u8").tobytes())
    with pytest.raises(Refusal, match="Copy both again"):
        documents(tmp_path / "a.ds")


def test_a_document_without_an_end_is_refused(tmp_path: Path) -> None:
    count = module.LONGEST + 1
    path = write_index(tmp_path / "a.idx", [count], [0, 1])
    os.truncate(path.with_suffix(".bin"), 2 * count)  # takes no room on the disk
    with pytest.raises(Refusal, match=r"document 0 has 16,777,217 ids, and at most 16,777,216 are read"):
        documents(path)


def test_ids_that_are_cut_while_they_are_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_DOCUMENTS", 1)
    path = write_index(tmp_path / "a.idx", [4] * 10, list(range(11)))
    blocks = READERS[".idx"](path, "")
    next(blocks)
    os.truncate(path.with_suffix(".bin"), 8)
    with pytest.raises(Refusal, match="was cut while it was read"):
        list(blocks)


def test_a_column_that_expands_is_refused(tmp_path: Path) -> None:
    lists = pa.ListArray.from_arrays(pa.array([0, 3_000_000], pa.int32()), pa.array(np.zeros(3_000_000, np.int64)))
    pq.write_table(pa.table({"input_ids": lists}), tmp_path / "a.parquet", compression="zstd")
    with pytest.raises(Refusal, match="row group 0 claims 3,000,000 ids in"):
        documents(tmp_path / "a.parquet")


def test_damaged_parquet_is_refused_and_does_not_end_the_process(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"input_ids": pa.array([[1, 2], None, [3]] * 50, pa.list_(pa.int32()))})
    pq.write_table(table, path, row_group_size=40, compression="none")
    good = path.read_bytes()
    draw = np.random.default_rng(0)
    footer = len(good) - 8 - int.from_bytes(good[-8:-4], "little")
    for start in (4, footer):
        for _ in range(150):
            changed = bytearray(good)
            changed[int(draw.integers(start, len(good)))] = int(draw.integers(256))
            path.write_bytes(changed)
            try:
                documents(path)
            except Refusal:
                continue
