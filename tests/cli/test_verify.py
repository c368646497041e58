"""`triptych verify`: 0 when all is as it should be, 1 when not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_a_sound_dataset(triptych: Callable[..., Any], made: Path) -> None:
    said = triptych("verify", made)
    assert said.code == 0
    fingerprint = json.loads((made / "manifest.json").read_text())["fingerprint"]
    assert "3 shards" in said.out
    assert fingerprint in said.out
    found = json.loads(triptych("verify", made, "--json").out)
    assert found == {"fingerprint": fingerprint, "shards": 3, "findings": []}


def test_a_damaged_dataset(triptych: Callable[..., Any], made: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(made, tmp_path / "copy", ignore=shutil.ignore_patterns("_work")))
    shard = sorted((copy / "shards").iterdir())[0]
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    (copy / "dropped.parquet").unlink()
    said = triptych("verify", copy)
    assert said.code == 1
    assert said.out == ""
    assert f"shards/{shard.name}: xxh3 is " in said.err
    assert "dropped.parquet: missing" in said.err
    assert "2 findings" in said.err
    as_json = triptych("verify", copy, "--json")
    assert as_json.code == 1
    assert {finding["file"] for finding in json.loads(as_json.out)["findings"]} == {
        f"shards/{shard.name}",
        "dropped.parquet",
    }


def test_a_changed_manifest_is_a_failure_and_no_misuse(
    triptych: Callable[..., Any], made: Path, tmp_path: Path
) -> None:
    data = bytearray((made / "manifest.json").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "manifest.json").write_bytes(data)
    said = triptych("verify", tmp_path)
    assert said.code == 1
    (paragraph,) = said.err.strip().splitlines()
    assert "manifest.json" in paragraph


def test_deep_reads_the_sources_and_exits_with_one_if_they_are_gone(
    triptych: Callable[..., Any], text_tree: Any, prepared: Any, sources: Any, tmp_path: Path
) -> None:
    docs = next(source for source in sources if source["name"] == "docs")
    shutil.copytree(Path(docs["path"]).parent, tmp_path / "inputs")
    out = tmp_path / "out"
    prepared(text_tree(out, sources=[docs | {"path": f"{tmp_path}/inputs/{Path(docs['path']).name}"}]))
    assert triptych("verify", out, "--deep").code == 0
    shutil.rmtree(tmp_path / "inputs")
    assert triptych("verify", out).code == 0
    said = triptych("verify", out, "--deep", "--json")
    assert said.code == 1
    (finding,) = json.loads(said.out)["findings"]
    assert finding["file"] == "source docs"
    assert "cannot be read again" in finding["problem"]
