"""A secret in the URL of a source, an evaluation set, a tokenizer or `out` is in no file of a run and in no output."""

import base64
import io
import json
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
import yaml

from ..cli.conftest import Said, triptych

__all__ = ["triptych"]

TOKEN, PASSWORD = "tOkEn-PLANTED-1", "PaSs-PLANTED-2"
Command = Callable[..., Said]


class Guarded(BaseHTTPRequestHandler):
    """A server that answers only with the token or the password."""

    files: dict[str, bytes] = {}  # noqa: RUF012 set by the fixture

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path, _, query = self.path.partition("?")
        login = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
        allowed = f"token={TOKEN}" in query or self.headers.get("Authorization") == f"Basic {login}"
        data = self.files.get(path)
        if not allowed or data is None:
            self.send_error(404 if allowed else 403)
            return
        start, end = 0, len(data)
        if span := self.headers.get("Range"):
            first, last = span.removeprefix("bytes=").split("-")
            start, end = int(first), min(len(data), int(last or len(data)) + 1)
        self.send_response(206 if span else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - start))
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        self.end_headers()
        if body:
            self.wfile.write(data[start:end])

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


@pytest.fixture
def server(makers: Any) -> Iterator[str]:
    """host:port of a server with a file of texts, of which one line is broken, and a zip of it."""
    lines = [json.dumps({"text": makers.words(i, 30)}) for i in range(40)]
    data = "\n".join([*lines, "{broken https://ann:" + PASSWORD + "@host/x"]).encode()
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("b.jsonl", data)
    Guarded.files = {"/a.jsonl": data, "/b.jsonl": data + b" ", "/a.zip": zipped.getvalue()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def source(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "kind": "jsonl", "modality": "text", "text": "text", "path": path}


def require_no_secret(said: Said, *folders: Path) -> None:
    """No output, and no name or content of a file, has a secret; neither in base64 nor in a compressed column."""
    import pyarrow.parquet as pq

    planted = [each.encode() for each in (TOKEN, PASSWORD)]
    for text in (said.out, said.err):
        assert TOKEN not in text
        assert PASSWORD not in text
    for folder in folders:
        for path in folder.rglob("*"):
            if path.name == "run.yaml":
                continue
            assert TOKEN not in str(path)
            assert PASSWORD not in str(path)
            data = path.read_bytes() if path.is_file() else b""
            if path.suffix == ".parquet":
                data += str(pq.read_table(path).to_pylist()).encode()
            assert not [path for each in planted if each in data], path


def write(tmp_path: Path, tree: dict[str, Any]) -> Path:
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return file


ENGINES = [{"kind": "serial"}, {"kind": "beam", "workers": 2}, {"kind": "dask", "workers": 1}]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: str(engine["kind"]))
def test_after_success(
    engine: dict[str, Any],
    server: str,
    triptych: Command,
    text_tree: Any,
    quick_workers: None,
    tmp_path: Path,
    text_model: Path,
) -> None:
    Guarded.files["/text.model"] = text_model.read_bytes()
    text = {"kind": "sentencepiece", "path": f"http://{server}/text.model?token={TOKEN}"}
    sources = [
        source("query", f"http://{server}/a.jsonl?token={TOKEN}"),
        source("user", f"simplecache::http://ann:{PASSWORD}@{server}/b.jsonl"),
        source("zip", f"zip://*.jsonl::simplecache::http://{server}/a.zip?token={TOKEN}&x=a/b"),
    ]
    Guarded.files["/c.jsonl"] = (
        b'{"text": "other words than those of the corpora stand in this set of thirteen words or more"}'
    )
    held_out = [source("held-out", f"http://{server}/c.jsonl?x=1&token={TOKEN}")]
    out = tmp_path / "out"
    said = triptych(
        "prepare",
        write(
            tmp_path, text_tree(out, sources=sources, decontaminate=held_out, engine=engine, tokenizers={"text": text})
        ),
    )
    assert said.code == 0, said.err
    require_no_secret(said, tmp_path)
    require_no_secret(triptych("show", out, "--dropped"), tmp_path)
    report = json.loads((out / "run.json").read_text(encoding="utf-8"))
    paths = [each["path"] for each in report["config"]["sources"]]
    assert paths[0] == f"http://{server}/a.jsonl"
    assert paths[1] == f"simplecache::http://{server}/b.jsonl"


@pytest.mark.parametrize(
    "changes",
    [
        {"sources": [source("a", "http://SERVER/missing.jsonl?token=" + TOKEN)]},
        {"sources": [source("a", f"https://ann:{PASSWORD}@127.0.0.1:1/a.jsonl")]},
        {"sources": [source("a", f"zip://*.jsonl::http://SERVER/a.jsonl?token={TOKEN}")]},
        {"sources": [source("a", f"s3://key:{PASSWORD}@bucket/a.jsonl")]},
        {"sources": [source("a", f"s3://key:{PASSWORD[:4]}/{PASSWORD}@bucket/a.jsonl")]},
        {"sources": [source("a", f"memory://key:{PASSWORD}@bucket/a.jsonl")]},
        {"sources": [source("a", f"nonsense://key:{PASSWORD}@bucket/a.jsonl")]},
        {"sources": [source("a", f"http://SERVER/a.jsonl?token={TOKEN}") | {"text": "nothing"}]},
        {"sources": [source("a", f"http://SERVER/a.jsonl?token={TOKEN}") | {"kind": "parquet"}]},
        {
            "sources": [
                {"name": "a", "kind": "folder", "text": "t", "image": "i", "path": f"http://SERVER/?token={TOKEN}"}
            ]
        },
        {"sources": [{"name": "a", "kind": "datasets", "text": "t", "path": f"https://ann:{PASSWORD}@127.0.0.1:1/a"}]},
        {
            "sources": [
                {"name": "a", "kind": "datasets", "text": "t", "path": "json"}
                | {"data_files": f"http://SERVER/missing?token={TOKEN}"}
            ]
        },
        {"decontaminate": [source("b", f"http://SERVER/missing.jsonl?token={TOKEN}")]},
        {"tokenizers": {"text": {"kind": "sentencepiece", "path": f"http://SERVER/missing.model?token={TOKEN}"}}},
        {"tokenizers": {"text": {"kind": "sentencepiece", "path": f"http://SERVER/a.jsonl?token={TOKEN}"}}},
        {"out": f"s3://key:{PASSWORD}@bucket/out"},
        {"out": f"nonsense://key:{PASSWORD}@bucket/out?token={TOKEN}"},
        {"out": f"http://ann:{PASSWORD}@SERVER/out?token={TOKEN}"},
        {"row_length": f"https://ann:{PASSWORD}@{'x' * 70}/a"},
        {"engine": {"kind": "dask", "scheduler": f"nonsense://ann:{PASSWORD}@127.0.0.1:1"}},
    ],
)
def test_after_a_refusal(
    changes: dict[str, Any], server: str, triptych: Command, text_tree: Any, tmp_path: Path, weather: Any
) -> None:
    tree = text_tree(tmp_path / "out") | changes
    tree = yaml.safe_load(yaml.safe_dump(tree).replace("SERVER", server))
    said = triptych("prepare", write(tmp_path, tree))
    assert said.code in (1, 2), said.err
    assert "Traceback" not in said.err
    assert len(said.err.strip().splitlines()) == 1 or "Ledger" in said.err
    require_no_secret(said, tmp_path)


def test_in_a_line_that_is_no_yaml(triptych: Command, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(f"name: a\nout: [https://ann:{PASSWORD}@h/a?token={TOKEN}\nsources: ]}}", encoding="utf-8")
    said = triptych("prepare", file)
    assert said.code == 2
    assert "in line " in said.err
    require_no_secret(said)


@pytest.mark.parametrize("engine", ENGINES[:2], ids=lambda engine: str(engine["kind"]))
def test_after_an_abort(
    engine: dict[str, Any],
    server: str,
    triptych: Command,
    text_tree: Any,
    tmp_path: Path,
    fork_server: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from triptych.pipelines.engines import beam_results
    from triptych.pipelines.sources import read

    def fail(*_: Any) -> Any:
        raise RuntimeError(f"a bug at http://{server}/a.jsonl?token={TOKEN} and {TOKEN}")

    monkeypatch.setattr(
        read.Digest if engine["kind"] == "serial" else beam_results.BeamResults, "take", fail, raising=False
    )
    monkeypatch.setattr(read, "add_content", fail)
    monkeypatch.setattr(beam_results, "clear", lambda *_: None)
    monkeypatch.setattr("triptych.pipelines.engines.beam.clear", lambda *_: None)  # as after a kill
    tree = text_tree(tmp_path / "out", sources=[source("a", f"http://{server}/a.jsonl?token={TOKEN}")], engine=engine)
    try:
        said = triptych("prepare", write(tmp_path, tree))
    except RuntimeError as error:  # a bug keeps its traceback, which `guard_output` prints
        sys.excepthook(type(error), error, error.__traceback__)
        said = Said(1, *capsys.readouterr())
    require_no_secret(said, tmp_path)


def test_memory_and_its_names(triptych: Command, text_tree: Any, tmp_path: Path) -> None:
    where = f"memory://ann:{PASSWORD}@box"
    with fsspec.open(f"{where}/a.jsonl", "wb") as file:
        file.write(b'{"text": "the same as ever"}\n' * 3)
    tree = text_tree(tmp_path / "out", sources=[source("a", f"{where}/*.jsonl")])
    said = triptych("prepare", write(tmp_path, tree))
    assert said.code == 0, said.err
    require_no_secret(said, tmp_path)


def test_files_that_differ_by_their_queries_alone_are_numbered() -> None:
    from triptych.pipelines.sources.files import numbered

    found = [("http://h/a?v=1", "a"), ("http://h/a?v=2", "a"), ("http://h/b?v=1", "b")]
    assert numbered(found) == [("http://h/a?v=1", "a"), ("http://h/a?v=2", "a#2"), ("http://h/b?v=1", "b")]
