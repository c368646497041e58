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


def test_images_and_the_time_of_audio_are_counted(triptych: Callable[..., Any], made: Path) -> None:
    facts = json.loads(triptych("stats", made, "--json").out)
    assert (facts["images"], facts["sources"]["stamps"]["images"], facts["sources"]["docs"]["images"]) == (24, 24, 0)
    # 18 clips of 0.3 + 0.05 i seconds
    assert abs(facts["audio_seconds"] - sum(0.3 + 0.05 * i for i in range(18))) < 0.05
    said = triptych("stats", made).out
    assert "24 images, 13.1 s of audio" in said
    assert sum(facts["sources"]["docs"]["histogram"]["counts"]) == facts["sources"]["docs"]["segments"]
    assert "Segment lengths in tokens" in said


def test_terms_are_explained_on_demand(triptych: Callable[..., Any], made: Path) -> None:
    explanation = "Dead code: A code that never occurs."
    assert explanation not in triptych("stats", made).out
    assert explanation in triptych("stats", made, "--explain").out


def test_a_run_has_statistics_of_its_own(triptych: Callable[..., Any]) -> None:
    run = Path(__file__).parents[1] / "golden" / "e4f0899" / "trained"
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    facts = json.loads(triptych("stats", run, "--json").out)
    assert (facts["step"], facts["steps"], facts["tokens"]) == (last["step"], 20, last["tokens"])
    assert facts["training_seconds"] > 0
    said = triptych("stats", run, "--explain")
    assert said.code == 0
    assert f"step {last['step']} of 20" in said.out
    for value in last["nelbo"].values():
        assert f"{value:.3f}" in said.out
    assert "Held-out bits per token by mask ratio" in said.out
    assert "Mask ratio: The share of a segment's tokens that are masked." in said.out
