"""`limit` of a source: exactly its first rows, from every reader, without touching what lies behind them."""

import csv
import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.pipelines.sources.base import Drop, RawBatch
from triptych.pipelines.sources.first_rows import first_rows, head_digest

Config = dict[str, Any]
FILES, ROWS = 4, 10


def bad(row: int) -> bool:
    return row % 4 == 2


def jsonl(folder: Path, makers: Any) -> Config:
    for part in range(FILES):
        lines = [json.dumps({"t": f"{part}-{i}"}) if not bad(i) else "{broken" for i in range(ROWS)]
        lines.insert(3, "")  # a blank line is no row
        (folder / f"{part}.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return {"kind": "jsonl", "path": f"{folder}/*.jsonl.gz", "modality": "text", "text": "t"}


def parquet(folder: Path, makers: Any) -> Config:
    for part in range(FILES):
        texts = [None if bad(i) else f"{part}-{i}" for i in range(ROWS)]
        pq.write_table(pa.table({"t": pa.array(texts, pa.string())}), folder / f"{part}.parquet", row_group_size=4)
    return {"kind": "parquet", "path": f"{folder}/*.parquet", "modality": "text", "text": "t"}


def webdataset(folder: Path, makers: Any) -> Config:
    for part in range(FILES):
        with tarfile.open(folder / f"{part}.tar", "w") as tar:
            for i in range(ROWS):
                members = {"png": b"picture"} | ({} if bad(i) else {"txt": f"{part}-{i}".encode()})
                for name, data in members.items():
                    info = tarfile.TarInfo(f"{i:03d}.{name}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
    return {"kind": "webdataset", "path": f"{folder}/*.tar", "modality": "image-text", "image": "png", "text": "txt"}


def folder_table(folder: Path, makers: Any) -> Config:
    with open(folder / "metadata.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "t"])
        for i in range(FILES * ROWS):
            name = f"{i // ROWS}-{i % ROWS}.png"
            if not bad(i % ROWS):
                (folder / name).write_bytes(b"picture")
            table.writerow([name, f"{i // ROWS}-{i % ROWS}"])
    return {"kind": "folder", "path": str(folder), "modality": "image-text", "image": "file_name", "text": "t"}


def saved_dataset(folder: Path, makers: Any) -> Config:
    import datasets

    rows = [{"t": None if bad(i) else f"{part}-{i}"} for part in range(FILES) for i in range(ROWS)]
    schema = datasets.Features({"t": datasets.Value("string")})
    datasets.Dataset.from_list(rows, features=schema).save_to_disk(str(folder))
    return {"kind": "datasets", "path": str(folder), "modality": "text", "text": "t"}


KINDS = [jsonl, parquet, webdataset, folder_table, saved_dataset]


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("budget", [30, 32 << 20])
def test_exactly_the_first_rows_are_read_with_the_bad_ones_among_them(
    read: Any, tmp_path: Path, makers: Any, make: Callable[[Path, Any], Config], budget: int
) -> None:
    config = make(tmp_path, makers)
    places = [(part, i) for part in range(FILES) for i in range(ROWS)]
    for limit in (1, 2, 3, ROWS - 1, ROWS, ROWS + 3, 2 * ROWS + 5, FILES * ROWS - 1, FILES * ROWS, 10_000):
        first = places[:limit]
        found = read(budget=budget, limit=limit, **config)
        assert found.column("text") == [f"{part}-{i}" for part, i in first if not bad(i)], limit
        assert len(found.drops) == sum(bad(i) for _, i in first), limit


def test_rows_that_are_files_of_their_own(opened: Any, tmp_path: Path, makers: Any) -> None:
    for i in range(5):
        (tmp_path / f"{i}.txt").write_text(f"text {i}")
        (tmp_path / f"{i}.png").write_bytes(makers.picture(i))
    pairs = {"kind": "folder", "path": str(tmp_path), "pair_by": "name", "image": "png", "text": "txt"}
    files = {"kind": "files", "path": f"{tmp_path}/*.txt"}
    for config in (pairs, files):
        for budget, limit in ((10, 3), (32 << 20, 3), (10, 5), (10, 99)):
            reader = opened(budget=budget, limit=limit, **config)
            units = reader.units()
            texts = [text for unit in units for batch in reader.read(unit) for text in batch.table["text"].to_pylist()]
            assert texts == [f"text {i}" for i in range(min(limit, 5))]


def test_tables_of_a_glob_are_counted_together(read: Any, tmp_path: Path) -> None:
    for part in range(3):
        folder = tmp_path / f"{part}"
        folder.mkdir()
        (folder / "list.csv").write_text("f,t\n" + "".join(f"{i}.png,{part}-{i}\n" for i in range(4)))
        for i in range(4):
            (folder / f"{i}.png").write_bytes(b"picture")
    config = {"kind": "folder", "path": str(tmp_path), "table": "*/list.csv", "image": "f", "text": "t"}
    for limit in (1, 4, 6, 8, 100):
        found = read(limit=limit, modality="image-text", **config)
        assert found.column("text") == [f"{part}-{i}" for part in range(3) for i in range(4)][:limit]


@pytest.mark.parametrize("make", KINDS)
def test_the_digest_is_that_of_the_rows_read(
    opened: Any, read: Any, tmp_path: Path, makers: Any, make: Callable[[Path, Any], Config]
) -> None:
    config = make(tmp_path, makers)
    digests = [read(limit=limit, **config).digests for limit in (1, 2, 3, ROWS, ROWS + 1)]
    assert len({str(each) for each in digests}) == len(digests)
    assert read(limit=ROWS + 1, **config).digests == digests[-1]
    if make not in (folder_table, saved_dataset):  # their units depend on the size of partitions with or without limit
        assert read(limit=ROWS + 1, budget=40, **config).digests[-1] == digests[-1][-1]


@pytest.mark.parametrize("make", [jsonl, parquet, webdataset])
def test_files_beyond_the_limit_are_not_opened(
    read: Any, tmp_path: Path, makers: Any, make: Callable[[Path, Any], Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make(tmp_path, makers)
    opened: list[str] = []
    open_ = fsspec.open

    def watched(path: str, *more: Any, **options: Any) -> Any:
        opened.append(path)
        return open_(path, *more, **options)

    monkeypatch.setattr(fsspec, "open", watched)
    for limit, files in ((1, 1), (ROWS, 1), (ROWS + 2, 2)):
        opened.clear()
        read(limit=limit, **config)
        assert {path.rpartition("/")[2][0] for path in opened} == set("0123"[:files])


def test_a_file_may_grow_behind_the_limit(read: Any, tmp_path: Path, makers: Any) -> None:
    config = jsonl(tmp_path, makers) | {"path": str(tmp_path / "plain.jsonl")}
    (tmp_path / "plain.jsonl").write_text('{"t": "a"}\n{"t": "b"}\n{"t": "c"}\n')
    before = read(limit=2, **config)
    with open(tmp_path / "plain.jsonl", "a") as file:
        file.write('{"t": "d"}\n')
    after = read(limit=2, **config)
    assert before.column("text") == ["a", "b"] == after.column("text")
    assert before.digests == after.digests


def test_what_cannot_be_read_counts_as_one_row(read: Any, tmp_path: Path, makers: Any) -> None:
    config = jsonl(tmp_path, makers)
    damaged = tmp_path / "0.jsonl.gz"
    damaged.write_bytes(b"\x1f\x8b garbage")
    found = read(limit=3, **config)
    assert [(drop.row, drop.reason) for drop in found.drops] == [(-1, "file_truncated")]
    assert found.column("text") == ["1-0", "1-1"]


def test_a_piece_is_cut_by_row_numbers_not_by_what_was_good() -> None:
    def piece(rows: list[int], drops: list[int]) -> RawBatch:
        table = pa.table({"row": pa.array(rows, pa.int64()), "text": [str(row) for row in rows]})
        return RawBatch(table, [Drop(row, "json_invalid") for row in drops])

    pieces = [piece([0, 1, 5], [3, 2]), piece([6], [7, -1])]
    for most, rows, drops in ((4, [0, 1], [3, 2]), (5, [0, 1, 5], [3, 2]), (7, [0, 1, 5, 6], [3, 2, 7])):
        cut = list(first_rows(pieces, most))
        assert [row for batch in cut for row in batch.table["row"].to_pylist()] == rows
        assert [drop.row for batch in cut for drop in batch.drops] == drops
    assert head_digest(pieces) == head_digest([piece([0], []), piece([1, 5], [3, 2]), piece([6], [7, -1])])
    assert head_digest(pieces) != head_digest([piece([0, 1, 5], [3, 2]), piece([6], [7])])


def test_samples_of_a_tar_that_is_not_sorted_are_counted_once(read: Any, tmp_path: Path) -> None:
    names = ["0.png", "1.png", "0.txt", "1.txt", "2.cls", "2.png", "2.txt", "3.png", "3.txt", "4.png", "4.txt"]
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
    config = {
        "kind": "webdataset",
        "path": f"{tmp_path}/a.tar",
        "modality": "image-text",
        "image": "png",
        "text": "txt",
    }
    for limit in range(1, 8):
        found = read(limit=limit, **config)
        assert len(found.rows) + len(found.drops) == min(limit, 5), limit
