"""What a plan says before anything is read, what it refuses, and what it warns of."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.schemas.config.training import TrainConfig
from triptych.schemas.dataset.decontamination import BenchmarkReport
from triptych.schemas.errors import Mismatch, Refusal
from triptych.train.data.mix import UNITS
from triptych.train.data.plan import cap_shares, plan_of, rows_of_step
from triptych.train.data.plan_summary import summarize_plan

SHARES = st.lists(st.floats(0.01, 1), min_size=1, max_size=8)


def entry(path: Path, weight: float = 1.0, **keys: Any) -> dict[str, Any]:
    return {"path": str(path), "weight": weight, **keys}


def test_a_dataset_stands_there_once_a_modality(dataset: Path, workshop: Any) -> None:
    kinds = ("text", "image-text", "audio-text")
    plan = workshop.plan(*(entry(dataset, modality=kind) for kind in kinds), steps=500)
    facts = summarize_plan(plan)
    assert [line["group"] for line in facts["streams"]] == list(kinds)
    assert [line["wanted"] for line in facts["streams"]] == pytest.approx([1 / 3] * 3)
    assert [line["share"] for line in facts["streams"]] == pytest.approx([1 / 3] * 3, abs=1e-3)
    assert facts["rows"] == sum(line["rows"] for line in facts["streams"]) == 500 * 8
    assert facts["tokens"] <= facts["places"] == 500 * 1024


def test_a_whole_epoch_has_the_datasets_own_counts(dataset: Path, workshop: Any) -> None:
    manifest = workshop.plan(entry(dataset)).datasets[0].manifest
    plan = workshop.plan(entry(dataset), batch_tokens=128, steps=manifest.statistics.rows)
    facts = summarize_plan(plan)
    assert [line["epochs"] for line in facts["streams"]] == pytest.approx([1, 1, 1], abs=0.05)
    assert sum(line["held_tokens"] for line in facts["streams"]) == manifest.statistics.filled
    assert sum(line["held_rows"] for line in facts["streams"]) == manifest.statistics.rows
    wanted = np.array([line["held_tokens"] for line in facts["streams"]]) / manifest.statistics.filled
    assert [line["wanted"] for line in facts["streams"]] == pytest.approx(wanted.tolist())


def test_without_steps_it_lasts_until_a_stream_is_through(dataset: Path, workshop: Any) -> None:
    once = workshop.plan(entry(dataset, modality="text"), entry(dataset, 3, modality="audio-text"))
    assert max(line["epochs"] for line in summarize_plan(once)["streams"]) == pytest.approx(1, abs=0.15)
    twice = workshop.plan(entry(dataset, modality="text"), entry(dataset, 3, modality="audio-text", max_epochs=4))
    assert twice.steps > 2 * once.steps


def test_epochs_are_capped_by_lowering_a_share(dataset: Path, workshop: Any) -> None:
    given = entry(dataset, modality="text"), entry(dataset, modality="image-text", max_epochs=2)
    plan = workshop.plan(*given, steps=100)
    text, images = summarize_plan(plan)["streams"]
    assert images["rows"] == pytest.approx(2 * images["held_rows"], abs=1)
    assert text["rows"] + images["rows"] == 800
    (lowered,) = [line for line in plan.warnings if "`max_epochs` lowers its share" in line]
    assert "image-text" in lowered
    with pytest.raises(Refusal, match=r"within `max_epochs` the mix has [\d,]+\. Lower `steps`"):
        workshop.plan(entry(dataset, max_epochs=1), steps=10_000)


@given(shares=SHARES, most=SHARES)
def test_capped_shares_sum_to_one_and_keep_their_ratios(shares: list[float], most: list[float]) -> None:
    size = min(len(shares), len(most))
    share, top = np.array(shares[:size]), np.array(most[:size])
    capped = cap_shares(share, top)
    if capped is None:
        assert top.sum() < 1
        return
    assert capped.sum() == pytest.approx(1)
    assert (capped <= top * (1 + 1e-9)).all()
    free = capped < top * (1 - 1e-9)
    ratios = capped[free] / share[free]
    assert ratios == pytest.approx(ratios.mean() if free.any() else 0)
    # whoever is capped would have more than its cap
    assert all(top[~free] <= share[~free] * (ratios.mean() if free.any() else np.inf) * (1 + 1e-9))


def test_sources_are_had_where_rows_are_of_one_source(tmp_path: Path, dataset: Path, workshop: Any) -> None:
    with pytest.raises(Refusal, match=r"rows of `text` hold docs and wiki together.*group_by: source"):
        workshop.plan(entry(dataset, sources=["docs"]))
    assert workshop.plan(entry(dataset, sources=["docs", "wiki"])).streams[0].group == "text"
    apart = workshop.write(tmp_path / "apart", counts={"docs": 30, "wiki": 20, "stamps": 10}, group_by="source")
    plan = workshop.plan(entry(apart, sources=["wiki"]), entry(apart, modality="image-text"))
    assert [stream.group for stream in plan.streams] == ["wiki", "stamps"]
    mixed = workshop.write(tmp_path / "mixed", counts={"docs": 30, "stamps": 10}, group_by="none")
    with pytest.raises(Refusal, match=r"`modality: text` cannot be selected alone.*group_by: modality"):
        workshop.plan(entry(mixed, modality="text"))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"sources": ["dogs"]}, "has no source `dogs`; it has docs, prompts, stamps, wiki"),
        (
            {"modality": "image-audio-text"},
            "no row matches `modality: image-audio-text`. The dataset holds audio-text, image-text",
        ),
        ({"modality": "text", "sources": ["stamps"]}, "no row matches `modality: text` and `sources: \\[stamps\\]`"),
    ],
)
def test_an_entry_that_selects_nothing_is_refused(
    dataset: Path, workshop: Any, keys: dict[str, Any], said: str
) -> None:
    with pytest.raises(Refusal, match=said):
        workshop.plan(entry(dataset, **keys))


def test_rows_may_not_be_in_two_entries(dataset: Path, workshop: Any) -> None:
    with pytest.raises(Refusal, match=r"rows of `text` are in entries 1 and 2 of the mix"):
        workshop.plan(entry(dataset), entry(dataset, modality="text"))


def test_what_cannot_be_mixed_is_refused_by_both_sides(tmp_path: Path, dataset: Path, workshop: Any) -> None:
    other = workshop.vocabulary.model_copy(update={"tokenizers": {"text": "f" * 32}})
    foreign = workshop.write(tmp_path / "foreign", counts={"docs": 9}, vocabulary=other)
    with pytest.raises(Mismatch) as caught:
        workshop.plan(entry(dataset), entry(foreign))
    assert workshop.vocabulary.fingerprint in str(caught.value)
    assert other.fingerprint in str(caught.value)
    long = workshop.write(tmp_path / "long", counts={"docs": 9}, row_length=256)
    with pytest.raises(Mismatch, match=r"row_length differs: .* has 128, .*long has 256"):
        workshop.plan(entry(dataset), entry(long))


def test_an_unfinished_dataset_is_refused(tmp_path: Path, dataset: Path, workshop: Any) -> None:
    copy = shutil.copytree(dataset, tmp_path / "copy")
    (copy / "manifest.json").unlink()
    with pytest.raises(Refusal, match="not a finished dataset"):
        workshop.plan(entry(copy))


def test_evaluation_overlap_is_a_warning_that_names_it(tmp_path: Path, dataset: Path, workshop: Any) -> None:
    assert "not compared with any evaluation set" in workshop.plan(entry(dataset)).warnings[0]
    report = BenchmarkReport(name="arc", rows=7, hits={"docs": {"text": 2}, "wiki": {"text": 1}}, examples=())
    clean = BenchmarkReport(name="boolq", rows=7, hits={}, examples=())
    made = workshop.write(tmp_path / "met", counts={"docs": 9}, decontamination=(report, clean))
    (warning,) = [line for line in workshop.plan(entry(made)).warnings if "evaluation set" in line]
    assert "3 rows were in evaluation set `arc`" in warning


def test_a_batch_is_made_of_whole_rows() -> None:
    assert [rows_of_step(32768, 4096), rows_of_step(32768, 4096, 2)] == [8, 4]
    with pytest.raises(Refusal, match=r"not a multiple of the row length 4096\. Use 28672 or 32768"):
        rows_of_step(30000, 4096)
    with pytest.raises(Refusal, match=r"row length 4096 \* 2 \(`anti_masking` uses each row 2 times\). Use 8192"):
        rows_of_step(4096, 4096, 2)


def test_the_fingerprint_is_of_what_decides_the_rows(dataset: Path, workshop: Any) -> None:
    text, pictures = entry(dataset, modality="text"), entry(dataset, modality="image-text")
    first = workshop.plan(text, pictures, steps=10)
    same = workshop.plan(text, pictures, steps=20, batch_tokens=2048)
    assert first.fingerprint == same.fingerprint
    others = [
        workshop.plan(pictures, text, steps=10),
        workshop.plan(text, pictures, steps=10, seed=1),
        workshop.plan(text, pictures, steps=10, validation=0.1),
        workshop.plan({**text, "weight": 2}, pictures, steps=10),
    ]
    assert len({plan.fingerprint for plan in (first, *others)}) == 5
    assert first.units.sum() == UNITS


def test_a_train_file_has_a_plan(dataset: Path) -> None:
    tree = {"out": "run", "steps": 7, "model": {"depth": 1}, "objective": {"kind": "masked", "anti_masking": True}}
    data = {"datasets": [entry(dataset)], "batch_tokens": 1024, "validation": 0.1}
    plan = plan_of(TrainConfig.model_validate(tree | {"data": data, "seed": 3}))
    assert (plan.seed, plan.steps, plan.rows, plan.validation) == (3, 7, 4, 0.1)
    assert plan.trained_on()[0]["fingerprint"] == plan.datasets[0].manifest.fingerprint
