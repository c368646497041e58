"""Every Python example of the documents about the public face runs as pasted."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..two_runs import train_both

ROOT = Path(__file__).parents[2]
PAGES = ("how-to/own-training-loop", "how-to/generate", "tutorials/first-look")


@pytest.fixture
def place(made: Path, once: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the dataset, the mix and the run that the pages name."""
    runs = once("examples", lambda folder: train_both(made, folder, validation=0.1))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/stamps").symlink_to(made)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/first").symlink_to(runs / "masked")
    mix = {"datasets": [{"path": "out/stamps", "weight": 1.0}], "batch_tokens": 1024}
    (tmp_path / "mix.yaml").write_text(yaml.safe_dump(mix))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_it_runs(page: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, {})
    assert capsys.readouterr().out
