"""Rows of `benchmarks.scale`: what a shuffle fetches from S3, and what windows do to the mix of a shard."""

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from triptych.pipelines.engines.partition import Partition, commit, load
from triptych.pipelines.engines.shuffle import Scatter, buckets
from triptych.pipelines.engines.stage import part_name
from triptych.pipelines.pack.windows import windows
from triptych.schemas.identity import fingerprint
from triptych.schemas.storage.store import Store

from .scale_rows import Row


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


@contextmanager
def s3_server() -> Iterator[Counted]:
    """An S3 server in this process with the bucket `scale`; s3fs finds it by its environment."""
    import s3fs
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    counted = Counted(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, counted, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "a", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.update(keys | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}"})
    s3fs.S3FileSystem().mkdir("scale")
    yield counted
    server.shutdown()


def shuffle_on_s3(parts: int, into: int) -> list[Row]:
    """Read the buckets of a shuffle back from an S3 server."""
    with s3_server() as counted:
        return _read_back(counted, parts, into)


def _read_back(counted: Counted, parts: int, into: int) -> list[Row]:
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
    return [
        Row("shuffle on S3: bytes fetched over needed", size, counted.sent / needed, "", "constant", most=1.3),
        Row("shuffle on S3: requests a MB", size, counted.requests / needed * 1e6, "", "1 / bytes a piece", most=2),
    ]


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
        Row("files that a shard draws from (effective)", size, effective(drawn), f"of {files}", "≤ 64"),
        Row("files that 16 shards draw from (effective)", size, effective(blocks), f"of {files}", "≤ 1,024"),
    ]


def effective(counts: Sequence[Counter[int]]) -> float:
    """Return the mean of the effective number of files: 1 / the sum of squared shares."""
    shares = [np.array(list(each.values())) / each.total() for each in counts]
    return float(np.mean([1 / np.square(share).sum() for share in shares]))
