"""Cross-entropy by mask ratio, against one computed segment by segment, place by place."""

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import torch

from triptych.model.diffusion.corrupt import corrupt
from triptych.model.network.slices import Slices
from triptych.schemas.config.model import MaskedObjective
from triptych.schemas.config.training import TrainConfig
from triptych.schemas.vocabulary import Modality, Special
from triptych.train.data.loader import Loader, MicroBatch
from triptych.train.mask_ratio import ce_by_ratio, sums_by_ratio
from triptych.train.run import train


def some(workshop: Any, dataset: Path) -> MicroBatch:
    plan = workshop.plan({"path": str(dataset), "weight": 1.0}, steps=1, batch_tokens=2048)
    loader = Loader(plan, workshop.shards(plan))
    (micro,) = next(loader)
    loader.close()
    return micro


@pytest.mark.parametrize("settings", [{}, {"anti_masking": True}, {"estimator": "bernoulli", "schedule": "cosine"}])
def test_it_is_the_mean_over_places_of_segments_masked_that_much(
    workshop: Any, dataset: Path, settings: dict[str, Any]
) -> None:
    micro, slices = some(workshop, dataset), Slices.of(workshop.vocabulary)
    corrupted = corrupt(micro.batch, MaskedObjective(**settings), slices, 3, micro.placement)
    nats_N = torch.rand(len(corrupted.weight_N))
    found = ce_by_ratio(sums_by_ratio(corrupted, nats_N))

    inputs, length = corrupted.inputs, micro.batch.tokens_BL.shape[1]
    places: dict[tuple[int, int], list[int]] = defaultdict(list)  # of each segment in each copy
    for n, (place, segment) in enumerate(zip(inputs.query_N.tolist(), corrupted.segment_N.tolist(), strict=True)):
        assert inputs.tokens_BL.flatten()[place] == Special.MASK
        places[place // length // len(micro.batch.row_B), segment].append(n)
    wanted: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (_, segment), mine in places.items():
        share = len(mine) / int(corrupted.targets_SM[segment].sum())
        for n in mine:
            half = Modality(int(corrupted.modality_N[n])).name.lower()
            wanted[half, f"{math.ceil(round(10 * share, 9)) / 10:g}"].append(float(nats_N[n]) / math.log(2))
    assert {(half, edge) for half, by_edge in found.items() for edge in by_edge} == set(wanted)
    assert len(found["text"]) >= 9
    for (half, edge), bits in wanted.items():
        assert found[half][edge] == pytest.approx(sum(bits) / len(bits))


def test_validations_say_it_and_tensorboard_shows_it(dataset: Path, tmp_path: Path) -> None:
    config = {
        "out": str(tmp_path / "run"),
        "data": {"datasets": [{"path": str(dataset), "weight": 1.0}], "batch_tokens": 1024, "validation": 0.2},
        "model": {"depth": 1, "width": 64, "head_bias": False},
        "steps": 2,
        "ema": None,
        "optimizer": {"lr": 1e-6, "matrix_lr": 1e-6},
    }
    torch.set_num_threads(1)
    assert train(TrainConfig.model_validate(config))
    (line,) = [json.loads(it) for it in (tmp_path / "run/metrics.jsonl").read_text().splitlines() if "split" in it]
    by_half = line["ce_by_ratio"]
    assert set(by_half) == set(line["targets"]) == {"text", "image", "audio"}
    assert all(count > 0 for count in line["targets"].values())
    vocabulary = {"text": 301, "image": 64, "audio": 16}  # untrained as it is, it answers by chance
    for half, by_edge in by_half.items():
        assert all(bits == pytest.approx(math.log2(vocabulary[half]), rel=0.1) for bits in by_edge.values())
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "run/tensorboard")).Reload()
    assert f"validation/ce_by_ratio/text/{next(iter(by_half['text']))}" in events.Tags()["scalars"]
