"""The bound on what a run held out: the trainer's own validation where that is exact, and close to it elsewhere."""

import json
from pathlib import Path

import pytest
import torch

from triptych.model.diffusion.batch import Batch
from triptych.schemas.errors import Refusal
from triptych.schemas.identity import sealed_json, unseal
from triptych.schemas.vocabulary import Modality
from triptych.train.evaluate.likelihood.held_out import held_out_metrics, held_out_unigram_entropy
from triptych.train.generate.generator import Generator


def validated(run: Path) -> dict[str, dict[str, float]]:
    """The last validation of the exported weights."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    found: dict[str, dict[str, float]] = [line for line in lines if line.get("weights") == "ema"][-1]
    return found


@pytest.mark.parametrize("kind", ["masked", "autoregressive"])
def test_pictures_and_clips_cost_what_validation_says(
    generators: dict[str, Generator], runs: dict[str, Path], kind: str
) -> None:
    rows = {(row.name, row.unit): row for row in held_out_metrics(generators[kind], tokens=1 << 20, rounds=2)}
    said = validated(runs[kind])
    for name, half in (("stamps, image", "image"), ("prompts, audio", "audio")):
        row = rows[name, "bits per token"]
        # the control draws nothing; the masked run's validation has noise of its own
        close = 1e-4 if kind == "autoregressive" else 4 * (said["nelbo_error"][half] + (row.error or 0))
        assert row.value == pytest.approx(said["nelbo"][half], abs=close)
    books = [f"prompts, audio codebook {level}" for level in range(4)]
    assert {name for name, _ in rows} == {
        "docs, text",
        "stamps, text",
        "stamps, image",
        "prompts, text",
        "prompts, audio",
        *books,
    }
    by_book = [rows[name, "bits per token"].value for name in books]
    assert sum(by_book) / 4 == pytest.approx(rows["prompts, audio", "bits per token"].value)
    assert all(rows[name, "bits per token"].note.startswith("unigram baseline") for name in books)
    assert {unit for _, unit in rows} == {"bits per token", "bits per byte", "bits per pixel", "bits per second"}
    assert all(row.error is None or row.error > 0 for row in rows.values())
    pixels = rows["stamps, image", "bits per token"].value * 16 / 16**2  # codes of a picture, and its pixels
    assert rows["stamps, image", "bits per pixel"].value == pytest.approx(pixels)


def test_a_dataset_by_name_is_measured_instead(generators: dict[str, Generator], made: Path) -> None:
    kept = {"tokens": 1 << 20, "rounds": 1}
    own, given = (held_out_metrics(generators["autoregressive"], data, **kept) for data in (None, str(made)))
    assert [(row.name, row.n) for row in own] == [(row.name, row.n) for row in given]
    assert [row.value for row in own] == pytest.approx([row.value for row in given])


def test_a_run_that_held_nothing_out_is_refused(generators: dict[str, Generator], tmp_path: Path) -> None:
    generator = generators["masked"]
    facts = unseal((generator.folder / "run.json").read_bytes())
    facts["config"]["data"]["validation"] = 0
    (tmp_path / "run.json").write_bytes(sealed_json(facts))
    with pytest.raises(Refusal, match="held no documents out"):
        held_out_metrics(Generator(tmp_path, generator.exported, generator.bundle, generator.lengths))


def test_unigram_entropy_is_by_source_and_slice() -> None:
    def row(*values: int) -> torch.Tensor:
        return torch.tensor([values])

    zero = torch.zeros(2, dtype=torch.int64)
    batch = Batch(
        tokens_BL=row(15, 300, 301, 15, 300, 300, 300, 0),
        segment_BL=row(1, 1, 1, 2, 2, 2, 2, 0),
        modality_BL=row(0, 1, 1, 0, 1, 1, 1, 0),
        position_BL=row(0, 1, 2, 0, 1, 2, 3, 0),
        slice_BL=row(0, 1, 1, 0, 1, 2, 2, 0),
        epoch_B=zero[:1],
        row_B=zero[:1],
        row_S=zero,
        number_S=torch.tensor([1, 2]),
        start_S=zero,
        length_S=zero,
        kind_S=zero,
        source_S=torch.tensor([0, 1], dtype=torch.int32),
        text_bytes_S=zero,
        pixels_S=zero,
        samples_S=zero,
    )
    assert held_out_unigram_entropy([batch], 0, Modality.TEXT) == pytest.approx(1.0)
    assert held_out_unigram_entropy([batch, batch], 1, Modality.TEXT) == pytest.approx(0.0)
