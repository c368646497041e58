"""What a published dataset keeps of the places of inputs: names that mean the same everywhere, and no secret."""

import os
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.config.load import check
from triptych.schemas.config.locations import located_config, public_url, published_config
from triptych.schemas.config.run import RunConfig


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("corpora/a.jsonl", "corpora/a.jsonl"),
        ("https://host/a.jsonl?token=SECRET#SECRET", "https://host/a.jsonl"),
        ("https://ann:SECRET@host:8080/a", "https://host:8080/a"),
        ("s3://key:SECRET@bucket/a/*.tar", "s3://bucket/a/*.tar"),
        ("zip://b.jsonl::https://ann:SECRET@host/a.zip?x=SECRET", "zip://b.jsonl::https://host/a.zip"),
    ],
)
def test_a_public_url_has_no_secret(url: str, public: str) -> None:
    assert public_url(url) == public


def run(**source: Any) -> RunConfig:
    base = {"name": "a", "kind": "jsonl", "modality": "text", "text": "text"}
    return check(RunConfig, {"name": "x", "out": "s3://k:SECRET@b/out", "sources": [base | source]}, "test")


def test_a_manifest_keeps_names_on_a_hub_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert published_config(run(path="corpora/a.jsonl"), {})["sources"][0]["path"] is None
    hub = run(kind="datasets", path="owner/name")
    assert published_config(hub, {})["sources"][0]["path"] == "owner/name"
    (tmp_path / "owner/name").mkdir(parents=True)
    assert published_config(hub, {})["sources"][0]["path"] is None
    assert not {"out", "engine"} & set(published_config(hub, {}))


def test_run_json_has_local_paths_from_the_root_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tree = located_config(run(path="corpora/*.jsonl"))
    assert tree["sources"][0]["path"] == os.fspath(tmp_path / "corpora/*.jsonl")
    assert "SECRET" not in str(tree)
    assert "SECRET" not in str(located_config(run(path="https://host/a.jsonl?token=SECRET")))
