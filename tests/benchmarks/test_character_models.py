"""The filter of text8, the two small models, and the figures that are made of them."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.character_models import SYMBOLS, corpus, text8, window_batch
from benchmarks.three_estimators import main


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    file = tmp_path / "docs.jsonl.gz"
    lines = [
        f"This is document {n} of the words that the test has, and the rest of it is the same. " * 12 for n in range(60)
    ]
    file.write_bytes(gzip.compress("".join(json.dumps({"text": line}) + "\n" for line in lines).encode()))
    return file


def test_text8_keeps_letters_and_names_digits() -> None:
    assert text8("Über 12 “cats”,\n\tOK?") == " ber one two cats ok "


def test_documents_are_on_one_side(texts: Path) -> None:
    made = corpus([str(texts)], 1)
    sides = ["".join(SYMBOLS[symbol] for symbol in side.tolist()) for side in (made.train, made.test)]
    assert "document five nine of" in sides[0]
    assert "document two zero of" not in sides[0]
    assert "document two zero of" in sides[1]
    assert window_batch(made.train, 3).tokens_BL.tolist() == window_batch(made.train, 3).tokens_BL.tolist()


def test_figures_come_out_of_a_moment_of_training(texts: Path, tmp_path: Path) -> None:
    options = ["--texts", str(texts), "--minutes", "0.02", "--out", str(tmp_path / "out"), "--count", "4", "--json"]
    said = CliRunner().invoke(main, [*options, "--passes", "4"], catch_exceptions=False)
    figures = json.loads(said.stdout)["figures"]
    assert len(figures) == 4
    assert all(0 < line["bits"] < 20 for line in figures.values())
    assert figures["autoregressive control: exact"]["gap"] == 0
