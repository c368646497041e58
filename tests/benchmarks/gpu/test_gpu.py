"""The benchmark on a GPU: each part with a very small model on the CPU, and what it makes of the results."""

import importlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

from benchmarks.gpu.mix import write_mix
from benchmarks.gpu.record import Record
from benchmarks.gpu.report import collect, failures
from benchmarks.gpu.setting import Setting
from benchmarks.gpu.sizes import FULL, TINY
from benchmarks.gpu.varlen import attend_varlen, varlen_mask, varlen_model
from triptych.model.network import transformer
from triptych.model.network.attention import attend, segment_mask
from triptych.schemas.dataset.reader import Dataset


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    write_mix(folder / "packed", TINY.rows, TINY.row_length)
    write_mix(folder / "padded", 1, TINY.row_length, packed=False)
    return folder


def measured(name: str, work: Path, out: Path) -> Record:
    record = Record(out / f"{name}.json", seconds=1e9)
    importlib.import_module(f"benchmarks.gpu.{name}").measure(Setting(work, TINY, torch.device("cpu"), record, 1e12))
    return record


def test_packed_rows_are_full_and_padded_ones_hold_one_sample(work: Path) -> None:
    packed, padded = (Dataset(str(work / name)).manifest.statistics for name in ("packed", "padded"))
    assert {str(source.kind) for source in packed.sources.values()} == {"text", "image-text", "audio-text"}
    assert sum(source.segments for source in packed.sources.values()) > packed.rows
    assert sum(source.segments for source in padded.sources.values()) == padded.rows


@pytest.mark.skipif(torch.cuda.is_available(), reason="the sizes are those of a CPU")
@pytest.mark.parametrize("name", ["attention", "speed", "sampling"])
def test_each_part_on_a_cpu(name: str, work: Path, tmp_path: Path) -> None:
    record = measured(name, work, tmp_path)
    checks = [each["passed"] for each in record.figures.values() if "passed" in each]
    assert all(checks)
    assert len(checks) == (6 if name == "attention" else 0)
    rates = [each for each in record.figures.values() if "tokens_per_second" in each]
    assert rates
    assert all(each["tokens_per_second"] > 0 for each in rates)
    report = collect(tmp_path, {}, {name: "done"})
    assert report["parts"][name]["figures"].keys() == record.figures.keys()


def test_runs_of_tokens_attend_as_dense_masks_do() -> None:
    segment = torch.tensor([[1, 1, 2, 2, 2, 0], [1, 1, 1, 1, 1, 1]])
    q, k, v = torch.randn(3, 2, 6, 1, 64, generator=torch.Generator().manual_seed(0))

    def run(q: Any, k: Any, v: Any, starts: torch.Tensor, _: Any, longest: int, __: int) -> torch.Tensor:
        assert longest == 6
        bounds = starts.tolist()
        parts = [slice(low, high) for low, high in pairwise(bounds)]
        assert [part.stop - part.start for part in parts] == [2, 3, 1, 6]
        return torch.cat([sdpa(*(x[part].transpose(0, 1) for x in (q, k, v))).transpose(0, 1) for part in parts])

    wanted = attend(q, k, v, segment_mask(segment, causal=False, backend="dense"))
    assert torch.allclose(attend_varlen(run, q, k, v, varlen_mask(segment)), wanted, atol=1e-6)
    own = vars(transformer)["attend"]
    with varlen_model(run):
        mask: Any = vars(transformer)["segment_mask"](segment, causal=False)
        assert torch.allclose(vars(transformer)["attend"](q, k, v, mask), wanted, atol=1e-6)
    assert vars(transformer)["attend"] is own


def test_a_report_names_failed_checks_and_parts_that_did_not_end(tmp_path: Path) -> None:
    record = Record(tmp_path / "attention.json", seconds=1.0)
    record.add("good", passed=True)
    record.add("bad", passed=False, error=float("nan"))
    assert not record.has_time("late", 2.0)
    report = collect(
        tmp_path, {}, dict.fromkeys(("shards", "training", "speed", "sampling"), "done") | {"attention": "x"}
    )
    assert failures(report) == ["attention: bad", "attention: x"]
    assert report["parts"]["attention"]["left_out"] == {"late": "no time was left"}
    assert report["parts"]["attention"]["figures"]["bad"]["error"] == "nan"


def test_all_parts_fit_into_nine_minutes() -> None:
    assert sum(FULL.limits.values()) <= 9 * 60 - 20
    assert {*FULL.limits} == {*TINY.limits}
