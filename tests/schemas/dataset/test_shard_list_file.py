"""The list of shards beside the manifest: it is read as it was written, and nothing else is read."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.schemas.dataset.file_entry import ListEntry, ShardEntry
from triptych.schemas.dataset.shard_list import SHARDS, ShardList
from triptych.schemas.dataset.shard_list_file import SHARD_LIST, list_bytes, list_entry, read_list
from triptych.schemas.identity import bytes_fingerprint


def many(count: int) -> ShardList:
    """A list of `count` shards in two groups."""
    return ShardList.of(
        ShardEntry(
            file=f"shards/{group}-{number:016x}.arrow",
            bytes=1000 + number,
            xxh3=f"{number * 7919:032x}",
            group=group,
            rows=number % 5,
            tokens={"text": number} if number % 3 else {"text": 1, "audio": number},
        )
        for number in range(count)
        for group in ["text" if number < count // 2 else "audio-text"]
    )


def read(data: bytes, **changes: Any) -> ShardList:
    """Read the bytes of a list whose checksum fits."""
    count = pq.read_metadata(io.BytesIO(data)).num_rows
    body = {"file": SHARD_LIST, "bytes": len(data), "xxh3": bytes_fingerprint([data]), "count": count}
    return read_list(pa.BufferReader(data), ListEntry.model_validate(body | changes))


def parquet(table: pa.Table, **options: Any) -> bytes:
    """A table as Parquet, as anyone may write it."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **({"compression": "none", "store_schema": False} | options))
    return sink.getvalue()


@pytest.mark.parametrize("count", [0, 1, 5, 70_000])
def test_a_list_comes_back(count: int) -> None:
    shards = many(count)
    data = list_bytes(shards)
    assert list_bytes(ShardList.of(iter(shards))) == data, "equal lists have equal bytes"
    again = read(data)
    assert again == shards
    assert list_entry(shards, data) == list_entry(again, data)


def test_any_reader_of_parquet_reads_it() -> None:
    table = pq.read_table(io.BytesIO(list_bytes(many(5))))
    assert table.schema.equals(SHARDS)
    assert table["file"].to_pylist() == [shard.file for shard in many(5)]


def replaced(name: str, value: Any, at: int = 1) -> pa.Table:
    """A list in which one value is another."""
    table = many(4).table
    values = table[name].to_pylist()
    values[at] = value
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(name), pa.array(values, table.schema.field(name).type))


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (replaced("file", "../elsewhere"), "not the name of a file below this folder"),
        (replaced("file", "/etc/passwd"), "not the name of a file below this folder"),
        (replaced("file", "shards/../../elsewhere"), "not the name of a file below this folder"),
        (replaced("file", "shards/"), "not the name of a file below this folder"),
        (replaced("file", "shards/a\\b"), "not the name of a file below this folder"),
        (replaced("file", "shards/line\nbreak"), "not the name of a file below this folder"),
        (replaced("file", "shards/" + "a" * 2000), "more than 1,024 bytes"),
        (replaced("file", "tokenizers/text"), "is not below shards/"),
        (replaced("file", many(4)[0].file), "two shards have the same file"),
        (replaced("group", "../.."), "not the name of a file below this folder"),
        (replaced("group", "a/b"), "is not the name of a group"),
        (replaced("rows", -1), "rows: is negative or too large"),
        (replaced("audio", -1), "audio: is negative or too large"),
        (many(4).table.drop_columns(["rows"]), "its columns are not"),
        (many(4).table.append_column("more", pa.array([1, 2, 3, 4])), "its columns are not"),
        (many(4).table.cast(pa.schema([field.with_nullable(True) for field in SHARDS])), "its columns are not"),
    ],
)
def test_a_list_that_no_dataset_has_is_refused(table: pa.Table, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(parquet(table))


def test_unusual_names_that_stay_below_the_folder_are_read() -> None:
    assert read(parquet(replaced("file", "shards/été —.arrow")))[1].file == "shards/été —.arrow"
    assert read(parquet(replaced("file", "shards/.hidden")))[1].file == "shards/.hidden"


def test_another_number_of_shards_is_refused() -> None:
    data = list_bytes(many(4))
    with pytest.raises(ValueError, match="it has 4 shards, not 5"):
        read(data, count=5)


def test_a_compressed_list_is_refused_since_it_may_claim_any_memory() -> None:
    with pytest.raises(ValueError, match="it is compressed"):
        read(parquet(many(4).table, compression="zstd"))


def test_a_small_file_that_claims_many_shards_is_refused() -> None:
    table = many(2).table
    same = pa.table({name: [table[name][0].as_py()] * 200_000 for name in SHARDS.names}, schema=SHARDS)
    data = parquet(same)
    assert len(data) < 200_000
    with pytest.raises(ValueError, match="it has 200,000 shards"):
        read(data)


def test_a_footer_at_which_arrow_would_end_the_process_is_refused() -> None:
    data = list_bytes(many(1500))
    sizes = b"<)\x06\x19&"  # the sizes of levels, of which there are as many as the schema has
    assert sizes in data
    with pytest.raises((ValueError, OSError)):
        read(data.replace(sizes, b"<)\x4c\x19&", 1), count=1500)
