"""Documentation strings become text once each, and the same modules give the same files."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from triptych.cli.demo import text
from triptych.schemas.errors import Refusal


def digest(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(folder: Path) -> list[dict[str, str]]:
    contents = [gzip.decompress(path.read_bytes()).decode() for path in sorted(folder.glob("text-*.jsonl.gz"))]
    return [json.loads(line) for content in contents for line in content.splitlines()]


def test_text_holds_the_docstrings_of_the_modules_and_the_topics_of_help(tmp_path: Path) -> None:
    modules = ["json", "textwrap", "sys", "no_such_module"]
    assert text.write_text(tmp_path / "a", modules) == len(rows(tmp_path / "a"))
    texts = {row["id"]: row["text"] for row in rows(tmp_path / "a")}
    assert len(texts) == len(set(texts.values())) == len(rows(tmp_path / "a"))
    assert texts["json.loads"].startswith("Deserialize ``s``")
    assert "\n    " not in texts["textwrap.dedent"].partition("\n")[2][:200]
    assert texts["textwrap.TextWrapper"].startswith("Object for wrapping/filling text.")
    assert texts["help.lambda"].startswith("Lambdas")
    text.write_text(tmp_path / "b", reversed(modules))
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_text_without_sources_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="sources of the standard library are missing"):
        text.write_text(tmp_path, ["no_such_module"])
