"""The demo from its corpora to its page, with the training cut short: then it recognises nothing, and says so."""

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from triptych.cli.demo import corpus, glyphs, speech, text

CHEAP = {
    "run.yaml": [("kind: dask, workers: 2", "kind: serial"), (r"steps: \d+", "steps: 1"), ("codes: 1024", "codes: 64")],
    "train.yaml": [(r"steps: \d+", "steps: 3"), ("width: 192", "width: 64"), (r"every: \d+", "every: 3")],
}


@pytest.mark.skipif(not (find_spec("matplotlib") and find_spec("espeakng_loader")), reason="needs triptych[demo]")
def test_the_demo_ends_in_a_page_that_counts_what_is_recognised(
    triptych: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glyphs, "BLOCKS", ((0x21, 0x7E, 2),))
    monkeypatch.setattr(corpus, "write_text", partial(text.write_text, modules=sorted(sys.stdlib_module_names)[::5]))
    monkeypatch.setattr(corpus, "write_speech", partial(speech.write_speech, clips=60))
    corpus.make_corpus(tmp_path)
    for name, changes in CHEAP.items():
        lines = (tmp_path / name).read_text()
        for before, after in changes:
            lines = re.sub(before, after, lines)
        (tmp_path / name).write_text(lines)
    said = triptych("demo", "--out", tmp_path)
    assert said.code == 0, said.err
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    rows = {row["group"]: row for row in report["rows"]}
    for group, choices in (("glyphs", 94), ("words", 48)):
        row = rows[group]
        assert (row["n"], row["unit"]) == (20, "%")
        assert row["value"] <= 50
        assert f"among {choices}" in row["note"]
    page = (tmp_path / "report" / "report.html").read_text()
    assert "latin capital letter a: " in page
    assert page.count("data:audio/wav") >= 40
    assert page.count("data:image/png") >= 41
    assert str(tmp_path) in said.out
