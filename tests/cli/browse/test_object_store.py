"""A dataset and a run on S3: every page of the real server, read from the bucket."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ...object_store import bucket, s3_server, weather
from .conftest import Served
from .test_site import fetched

__all__ = ["bucket", "s3_server", "weather"]


@pytest.fixture
def stored(bucket: str, made: Path, trained: Path) -> Iterator[tuple[str, str, str]]:
    """The address of a server of both, and their URLs."""
    from triptych.schemas.storage.store import Store

    for folder, name in ((made, "out"), (trained, "run")):
        store = Store(f"{bucket}/{name}")
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "_work" not in path.parts and "checkpoints" not in path.parts:
                store.write(path.relative_to(folder).as_posix(), path.read_bytes())
    samples = Store(f"{bucket}/run/samples/step-00000012/t2i")
    lines = [{"file": f"sample-00{i}.png", "prompt": "a <b>bus</b>", "text": "a"} for i in range(2)]
    samples.write("sample-000.png", b"\x89PNG of a bus")
    samples.write("samples.json", json.dumps({"step": 12, "task": "t2i", "samples": lines}).encode())
    server = Served(f"{bucket}/out", f"{bucket}/run")
    yield server.address, f"{bucket}/out", f"{bucket}/run"
    server.stop()


def test_every_page_of_a_dataset_and_a_run_on_s3(stored: tuple[str, str, str], weather: Any) -> None:
    address, dataset, _ = stored
    pages = ["/", "/0/", "/0/codes", "/0/rows", "/0/row/0", "/0/row/0/1", "/0/original/0/1", "/0/sample?seed=1"]
    pages += ["/0/gallery", "/0/dropped", "/0/duplicates", "/0/search?q=a", "/1/run", "/1/run.json", "/1/mix"]
    for name in pages:
        status, _, body = fetched(address + name)
        assert status == 200, (name, body[-300:])
    assert dataset.encode() in fetched(f"{address}/0/row/0/1")[2]
    lines = fetched(f"{address}/0/search/stream?kind=image-text")[2].splitlines()
    assert any("hit" in json.loads(line) for line in lines)


def test_samples_of_a_run_on_s3_are_served_and_nothing_else(stored: tuple[str, str, str]) -> None:
    address, _, _ = stored
    page = fetched(f"{address}/1/samples")[2].decode()
    assert "a &lt;b&gt;bus&lt;/b&gt;" in page
    path = "/1/made/samples/step-00000012/t2i"
    status, headers, body = fetched(f"{address}{path}/sample-000.png")
    assert (status, headers["content-type"], body) == (200, "image/png", b"\x89PNG of a bus")
    assert fetched(f"{address}{path}/sample-001.png")[0] == 404  # listed, and gone
    assert fetched(f"{address}{path}/samples.json")[0] == 404
    assert fetched(f"{address}/1/made/samples/../run.json")[0] == 404
    assert fetched(f"{address}/1/made/run.json")[0] == 404


def test_a_document_on_s3_is_found_by_its_id(
    stored: tuple[str, str, str], triptych: Callable[..., Any], made: Path
) -> None:
    from triptych.schemas.dataset.reader import Dataset

    address, dataset, _ = stored
    document = Dataset(str(made)).row(0).segments[0]["id"].hex()
    (line, *_) = fetched(f"{address}/0/search/stream?id={document}")[2].splitlines()
    assert "row 0, segment 1" in json.loads(line)["hit"]
    said = triptych("trace", dataset, "--document", document, "--json")
    assert (said.code, json.loads(said.out)["segments"][0]["packed_row"]) == (0, 0)
