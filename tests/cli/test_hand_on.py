"""`triptych export`, `card` and `merge` as a user calls them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_export_says_what_it_wrote_and_how_to_open_it(triptych: Callable[..., Any], made: Path, tmp_path: Path) -> None:
    said = triptych("export", made, tmp_path / "handed", "--to", "parquet")
    assert said.code == 0
    assert f'datasets.load_dataset("{tmp_path}/handed", split="train")' in said.out
    again = triptych("export", made, tmp_path / "handed", "--to", "parquet")
    assert again.code == 2
    assert "exists, and is not replaced" in again.err
    facts = json.loads(triptych("export", made, tmp_path / "mds", "--to", "mds", "--json").out)
    assert facts["fingerprint"] == json.loads((made / "manifest.json").read_text())["fingerprint"]
    assert triptych("export", tmp_path / "none", tmp_path / "x", "--to", "mds").code == 2
    assert not (tmp_path / "x").exists()


def test_card_writes_elsewhere(triptych: Callable[..., Any], made: Path, tmp_path: Path) -> None:
    said = triptych("card", made, "--out", tmp_path / "cards")
    assert said.code == 0
    assert {path.name for path in (tmp_path / "cards").iterdir()} == {"README.md", "croissant.json"}
    assert said.out.count("Wrote ") == 2


def test_merge_needs_two(triptych: Callable[..., Any], made: Path, tmp_path: Path) -> None:
    said = triptych("merge", made, tmp_path / "both")
    assert said.code == 2
    assert "at least two datasets" in said.err
    twice = triptych("merge", made, made, tmp_path / "both")
    assert twice.code == 2
    assert "Give each dataset once" in twice.err
    assert not (tmp_path / "both").exists()
