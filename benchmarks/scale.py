"""What the data path costs as a corpus grows: a table, and JSON with `--json FILE`.

Run as `python -m benchmarks.scale`. Sizes that no machine here can hold are simulated: the store is replaced, and the
code that decides and remembers is that of a run. Costs are in CPU seconds, bytes and requests, since these hold on a
busy machine as well.
"""

import argparse
import json
import os
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from triptych.pipelines.engines.commits import CommitIndex
from triptych.pipelines.engines.partition import Committed, Partition, commit, load
from triptych.pipelines.engines.ranges import note_of
from triptych.pipelines.engines.shuffle import Scatter, buckets
from triptych.pipelines.engines.stage import part_name
from triptych.pipelines.pack.windows import WINDOW_PARTITIONS, windows
from triptych.schemas.identity import fingerprint
from triptych.schemas.storage.store import Store

PARTITION_TOKENS = 8_400_000  # 32 MiB of text at 4 bytes a token
SHARD_TOKENS = 128_000_000 / 7
LARGEST = 1_200_000  # partitions of 10^13 tokens


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    size: str
    value: float
    unit: str
    target: str
    growth: str


class Counted:
    """WSGI middleware that counts requests, and the bytes of answers to GET."""

    def __init__(self, app: Any) -> None:
        self.app, self.requests, self.sent = app, 0, 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        """Answer one request."""
        self.requests += 1
        for block in self.app(environ, start_response):
            self.sent += len(block) if environ["REQUEST_METHOD"] == "GET" else 0
            yield block


class Nowhere(Store):
    """A store of which nothing is kept."""

    def exists(self, name: str) -> bool:
        """Nothing exists."""
        return False

    def write(self, name: str, data: bytes | pa.Buffer) -> None:
        """Write nothing."""


def shuffle_on_s3(parts: int, into: int) -> list[Row]:
    """Read the buckets of a shuffle back from an S3 server."""
    import s3fs
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    counted = Counted(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, counted, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "a", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.update(keys | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}"})
    s3fs.S3FileSystem().mkdir("scale")
    store, draw, scattered = Store("s3://scale"), np.random.default_rng(0), []
    for number in range(parts):
        rows = 4000
        ids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), rows, [None, pa.py_buffer(draw.bytes(16 * rows))])
        codes = pa.array(draw.integers(0, 1 << 15, 1000 * rows, np.int32))
        lists = pa.ListArray.from_arrays(pa.array(np.arange(0, 1000 * rows + 1, 1000, dtype=np.int32)), codes)
        outcome = Scatter("id", into).run(pa.table({"id": ids, "codes": lists}))
        key = fingerprint(number)
        done = commit(store, part_name("shuffle", key), outcome)
        scattered.append(done.reference(key))
    made = buckets(store, scattered, [fingerprint("bucket", number) for number in range(into)], "id")
    counted.requests = counted.sent = 0
    needed = sum(load(store, part).nbytes for part in made[:4])
    size = f"{parts} parts into {into} buckets"
    server.shutdown()
    return [
        Row("bytes fetched over bytes needed", size, counted.sent / needed, "", "≤ 1.3", "constant"),
        Row("requests a MB", size, counted.requests / needed * 1e6, "", "≤ 2", "1 / bytes of a piece"),
    ]


def tokenized(count: int) -> list[Partition]:
    """References to tokenized partitions, as a run holds them."""
    note = {"tokens": PARTITION_TOKENS}
    keys = (fingerprint(number) for number in range(count))
    return [Partition(key, ((part_name("text", key), None),), 8000, note=note) for key in keys]


def references(count: int) -> list[Row]:
    """Deal partitions in windows, with the notes that tasks return, and hold the references to all buckets."""
    buckets(Nowhere("nowhere"), tokenized(0), [], "id")  # imports what it needs
    scattered_note(1)
    began = time.process_time()
    tracemalloc.start()
    drawn = windows(tokenized(count), 4 * SHARD_TOKENS)
    of_parts = tracemalloc.get_traced_memory()[0]
    held, pieces = [], 0
    for window in drawn:
        into = round(len(window) * PARTITION_TOKENS / SHARD_TOKENS)
        note = scattered_note(into)
        scattered = [Partition(part.key, ((part_name("shuffle", part.key), None),), 8000, note=note) for part in window]
        held += buckets(Nowhere("nowhere"), scattered, [part.key for part in window[:1]] * into, "id")
        pieces += into * len(window)
    of_all = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    size = f"{count:,} partitions, {len(held):,} shards"
    per_part = (time.process_time() - began) / count
    return [
        Row("references to tokenized partitions", size, of_parts / 1e6, "MB", "", "partitions"),
        Row("references of the shuffle that packs", size, (of_all - of_parts) / 1e6, "MB", "≤ 1,500 in all", "shards"),
        Row("pieces of that shuffle", size, pieces, "", "", f"partitions x {pieces // count}"),
        Row("CPU of the driver a partition (traced)", size, per_part * 1e3, "ms", "≤ 1", "constant"),
    ]


def scattered_note(into: int) -> dict[str, Any]:
    """The note of a part that was scattered into some buckets."""
    batch = pa.record_batch({"id": pa.array([1])})
    return dict(note_of(np.arange(into), [batch] * into, batch.schema)) | {"head": "0000001000"}


def resume(count: int) -> list[Row]:
    """List the parts of a stage and read their index, as a resumed run does."""
    with TemporaryDirectory(prefix="triptych-") as folder:
        store = Store(folder)
        index, names = CommitIndex(store), [part_name("text", fingerprint(number)) for number in range(count)]
        Path(folder, "_work/text").mkdir(parents=True)
        for name in names:
            Path(folder, name).touch()
        summary = b'{"note":{"tokens":8400000},"rows":8000,"tallies":[]}'
        index.add(Committed(name, summary, 0) for name in names)
        index.flush()
        began = time.process_time()
        parts = CommitIndex(store).of("text")
        found = sum(parts.get(name) is not None for name in names)
        seconds = time.process_time() - began
    assert found == count
    size = f"{count:,} parts of one stage"
    return [Row("resume: listing and index", size, seconds, "CPU s", "< 30 for all stages", "parts")]


def mix(files: int, of_file: int) -> list[Row]:
    """Measure how many files a shard and 16 shards draw from, where each file is `of_file` partitions."""
    parts = [Partition(fingerprint(f, n), (), 1, note={"tokens": 1}) for f in range(files) for n in range(of_file)]
    file_of = {fingerprint(f, n): f for f in range(files) for n in range(of_file)}
    drawn = [Counter(file_of[part.key] for part in window) for window in windows(parts, 0)]
    draw = np.random.default_rng(0)
    blocks: list[Counter[int]] = [
        sum((drawn[at] for at in draw.choice(len(drawn), min(16, len(drawn)), replace=False)), Counter())
        for _ in range(200)
    ]
    size = f"{files} files of {of_file} partitions"
    return [
        Row("files that a shard draws from (effective)", size, effective(drawn), f"of {files}", "", "≤ 64"),
        Row("files that 16 shards draw from (effective)", size, effective(blocks), f"of {files}", "", "≤ 1,024"),
    ]


def effective(counts: Sequence[Counter[int]]) -> float:
    """Return the mean of the effective number of files: 1 / the sum of squared shares."""
    shares = [np.array(list(each.values())) / each.total() for each in counts]
    return float(np.mean([1 / np.square(share).sum() for share in shares]))


def main() -> None:
    """Measure, print the table, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="file for the rows as JSON")
    parser.add_argument("--partitions", type=int, default=LARGEST, help="number of partitions that are simulated")
    options = parser.parse_args()
    rows = shuffle_on_s3(WINDOW_PARTITIONS // 4, 28)
    for count in (options.partitions // 10, options.partitions):
        rows += references(count)
    rows += [row for count in (10_000, 100_000) for row in resume(count)]
    rows += mix(1000, 10) + mix(100, 100)
    for row in rows:
        value = f"{row.value:,.3g}" if row.value < 1000 else f"{row.value:,.0f}"
        print(f"{row.what:44} {row.size:38} {value:>12} {row.unit:9} {row.target:22} {row.growth}")
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
