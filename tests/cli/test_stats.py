"""`triptych stats`: tables for people, JSON for programs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_json_has_the_promised_keys(triptych: Callable[..., Any], made: Path) -> None:
    said = triptych("stats", made, "--json")
    facts = json.loads(said.out)
    promised = {"rows", "row_length", "fill", "tokens", "segments", "sources", "codebooks", "ledger", "fingerprint"}
    assert promised <= set(facts)
    assert set(facts["segments"]) == {"text", "image-text", "audio-text"}
    assert set(facts["sources"]) == {"docs", "stamps", "prompts"}
    assert facts["sources"]["docs"]["lengths"]["p100"] == 512
    assert said.code == 0


def test_tables_show_the_same_numbers(triptych: Callable[..., Any], made: Path) -> None:
    facts = json.loads(triptych("stats", made, "--json").out)
    said = triptych("stats", made)
    for title in ("Sources (tokens by modality)", "Packing", "Codebooks", "Ledger", "fingerprint"):
        assert title in said.out
    assert f"{facts['rows']:,} rows of 512, {facts['fill']:.2%} full" in said.out
    for name, group in facts["groups"].items():
        (line,) = [line for line in said.out.splitlines() if line.startswith(f"│ {name} ") and "%" in line]
        assert f"{group['fill']:.2%}" in line
        assert f"{group['fill_bound']:.2%}" in line
    codebooks = said.out[said.out.index("Codebooks") :].splitlines()
    for name, use in facts["codebooks"].items():
        (line,) = [line for line in codebooks if line.startswith(f"│ {name} ")]
        assert line.split()[3:8:2] == [str(use[key]) for key in ("size", "used", "dead")]
