"""Small hostile files: each ends in lines of the ledger or in a refusal, and the sums of the ledger stay exact."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.inspection.verify import verify
from triptych.pipelines.prepare import prepare
from triptych.pipelines.sources.registry import open_source
from triptych.schemas.config.run import Limits, RunConfig
from triptych.schemas.dataset.dropped_lines import row_counts
from triptych.schemas.errors import Refusal

BAD = 3000


def config(tmp_path: Path, out: str, source: dict[str, Any], **more: Any) -> RunConfig:
    return RunConfig.model_validate(
        {
            "name": "hostile",
            "out": str(tmp_path / out),
            "engine": {"kind": "serial"},
            "row_length": 64,
            "sources": [{"name": "s", "modality": "text", "text": "text", **source}],
            "tokenizers": {"text": {"kind": "sentencepiece", "vocab_size": 300}},
            **more,
        }
    )


def drops(source: dict[str, Any], limits: Limits | None = None) -> list[tuple[int, str, int]]:
    """Read a source; returns row, reason and number of rows of its drops."""
    parsed = RunConfig.model_validate(
        {"name": "x", "out": "x", "sources": [{"name": "s", "modality": "text", **source}]}
    )
    reader = open_source(parsed.sources[0], limits or Limits(), 1 << 20)
    batches = [batch for unit in reader.units() for batch in reader.read(unit)]
    assert all(len(batch.drops) < 500 for batch in batches)
    return [(drop.row, drop.reason, drop.rows) for batch in batches for drop in batch.drops]


@pytest.mark.parametrize("partition_bytes", [1 << 14, 1 << 25])
def test_the_ledger_is_bounded_and_its_sums_are_exact(tmp_path: Path, partition_bytes: int) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a good row"}\nx\n\n{"text": ""}\n' * BAD)
    source = {"kind": "jsonl", "path": str(path)}
    run = config(tmp_path, "out", source, limits={"ledger_rows": 50}, partition_bytes=partition_bytes)
    manifest = prepare(run, Journal())
    counts = {(tally.stage, reason): n for tally in manifest.ledger for reason, n in tally.dropped.items()}
    assert counts["read", "json_invalid"] == counts["normalise", "text_empty"] == BAD
    lines = pq.read_table(tmp_path / "out/dropped.parquet")
    invalid = lines.filter(pc.equal(lines["reason"], "json_invalid"))
    assert invalid["row"].to_pylist() == [*(4 * at + 1 for at in range(50)), -1]
    assert invalid["rows"].to_pylist() == [*([1] * 50), BAD - 50]
    assert row_counts(lines).sum() == sum(counts.values())
    assert verify(str(tmp_path / "out"))[1] == []


def test_a_ledger_within_the_bound_has_a_line_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a good row"}\nx\n')
    prepare(config(tmp_path, "out", {"kind": "jsonl", "path": str(path)}), Journal())
    assert "rows" not in pq.read_schema(tmp_path / "out/dropped.parquet").names


def test_equal_bad_lines_of_a_compressed_file_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"x\n" * 1_000_000))
    found = drops({"kind": "jsonl", "path": str(path), "text": "text"}, Limits(ledger_rows=10))
    assert [row for row, _, _ in found if row >= 0] == [*range(10)]
    assert sum(rows for _, _, rows in found) == 1_000_000


def test_valid_lines_that_expand_without_end_are_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "%s"}\n' % (b"a" * 1000) * 40_000))
    assert drops({"kind": "jsonl", "path": str(path), "text": "text"}) == [(-1, "expansion_too_large", 1)]


def gnu_names() -> bytes:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 4
    return header.tobuf(tarfile.GNU_FORMAT) + b"abc\0".ljust(512, b"\0")


def pax_headers() -> bytes:
    return tarfile.TarInfo("p" * 200).tobuf(tarfile.PAX_FORMAT)[:1024]


@pytest.mark.parametrize("headers", [gnu_names, pax_headers])
def test_a_tar_of_headers_is_cut_off_there(tmp_path: Path, headers: Callable[[], bytes]) -> None:
    good = io.BytesIO()
    with tarfile.open(fileobj=good, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        member = tarfile.TarInfo("a.txt")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"hello"))
    (tmp_path / "a.tar").write_bytes(good.getvalue()[:1024] + headers() * 1200 + b"\0" * 1024)
    found = drops({"kind": "webdataset", "path": str(tmp_path / "a.tar"), "text": "txt"})
    assert found == [(-1, "file_truncated", 1)]


def test_a_dictionary_is_decoded_in_pieces(tmp_path: Path) -> None:
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array(["x" * 1_000_000]))
    pq.write_table(pa.table({"text": values}), tmp_path / "a.parquet", compression="zstd")
    before = pa.default_memory_pool().max_memory()
    found = drops({"kind": "parquet", "path": str(tmp_path / "a.parquet"), "text": "text"})
    assert found == [(-1, "expansion_too_large", 1)]
    assert pa.default_memory_pool().max_memory() < before + (512 << 20)


def test_a_dictionary_that_repeats_little_is_read_as_before(tmp_path: Path) -> None:
    texts = [["one", "two", None, "three"][at % 4] for at in range(1000)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", row_group_size=300)
    found = drops({"kind": "parquet", "path": str(tmp_path / "a.parquet"), "text": "text"})
    assert [row for row, _, _ in found] == [at for at in range(1000) if at % 4 == 2]


def test_a_row_group_that_claims_too_much_is_dropped_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": pa.nulls(3_000_000, pa.string())})
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table, row_group_size=len(table))
        writer.write_table(pa.table({"text": ["a"]}))
    found = drops({"kind": "parquet", "path": str(path), "text": "text"})
    assert found == [(-1, "file_unreadable", 1)]


def test_the_time_of_a_file_can_be_bounded(tmp_path: Path) -> None:
    path = tmp_path / "slow.jsonl"
    path.write_text('{"text": "a good row"}\n' * 10)
    run = config(tmp_path, "out", {"kind": "jsonl", "path": str(path)}, limits={"unit_seconds": 1e-9})
    with pytest.raises(Refusal, match=r"slow\.jsonl: was not read within `limits\.unit_seconds`"):
        prepare(run, Journal())


def test_the_time_limit_does_not_identify() -> None:
    assert Limits(unit_seconds=5).identity_body() == Limits().identity_body()
    assert Limits(ledger_rows=5).identity_body() != Limits().identity_body()
    assert "ledger_rows" not in Limits().identity_body()
