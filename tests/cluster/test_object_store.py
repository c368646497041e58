"""A cluster on an object store that is far away and answers 503 to a share of requests."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import s3fs

from benchmarks.dask_processes import Cluster

from ..object_store import Weather, bucket, s3_server, weather  # noqa: F401 fixtures
from .slow_network import SlowNetwork


def test_latency_and_refused_requests_cost_no_byte(
    cluster: Cluster,
    s3_server: tuple[str, Weather],  # noqa: F811
    weather: Weather,  # noqa: F811
    bucket: str,  # noqa: F811
    text_tree: Any,
    expected: dict[str, bytes],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = s3fs.S3FileSystem()
    store.put(f"{home}/corpora/docs", f"{bucket}/docs", recursive=True)
    tree = text_tree(f"{bucket}/out", partition_bytes=1 << 20)
    local = text_tree(tmp_path / "local", partition_bytes=1 << 20)
    tree["sources"][0]["path"] = f"{bucket}/docs/*.jsonl.gz"
    with SlowNetwork("127.0.0.1", urlsplit(s3_server[0]).port or 0, 0.02) as network:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{network.port}")
        cluster.scheduler()
        for _ in range(2):
            cluster.worker()
        weather.fail_every = 40
        run = cluster.prepare(tree)
        assert run.end() == 0, run.output
    assert weather.failures > 0
    weather.clear()
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server[0])
    s3fs.S3FileSystem.clear_instance_cache()
    assert cluster.prepare(local).end() == 0
    files = [path for path in (tmp_path / "local").rglob("*") if path.is_file() and "_work" not in path.parts]
    for path in files:
        if path.name != "run.json":
            name = path.relative_to(tmp_path / "local").as_posix()
            assert s3fs.S3FileSystem().cat_file(f"{bucket}/out/{name}") == path.read_bytes(), name
