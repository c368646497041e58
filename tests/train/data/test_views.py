"""Views are the stored rows in the order of the run, wherever they begin and whatever blocks they cross."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triptych.schemas.errors import Refusal
from triptych.train.data.plan import Plan
from triptych.train.data.row_order import BLOCK, RowOrder
from triptych.train.data.shards import Shards
from triptych.train.data.views import views


def opened(dataset: Path, workshop: Any) -> tuple[Plan, Shards]:
    plan: Plan = workshop.plan({"path": str(dataset), "weight": 1.0, "modality": "text"}, validation=0.5)
    return plan, workshop.shards(plan)


def test_an_epoch_has_every_stored_row_once(dataset: Path, workshop: Any) -> None:
    plan, shards = opened(dataset, workshop)
    order, rows = RowOrder(plan), plan.streams[0].rows
    stored = sorted(row.tobytes() for number in range(3) for row in shards.open(number).tokens[:])
    for epoch in (0, 3):
        found = list(views(shards, order, epoch * rows, (epoch + 1) * rows))
        assert sorted(view.tokens.tobytes() for view in found) == stored


def test_rows_are_those_at_their_positions_across_blocks(dataset: Path, workshop: Any) -> None:
    plan, shards = opened(dataset, workshop)
    order = RowOrder(plan)
    for start, stop in ((0, 3), (BLOCK - 2, BLOCK + 3), (5 * BLOCK, 5 * BLOCK + 1), (9, 9)):
        found = list(views(shards, order, start, stop))
        assert len(found) == stop - start
        at = order.locate(np.arange(start, stop))
        for view, number, row in zip(found, at.shard.tolist(), at.row.tolist(), strict=True):
            shard = shards.open(number)
            for name in ("tokens", "segment", "modality"):
                assert np.array_equal(getattr(view, name), getattr(shard, name)[row])


def test_a_view_stays_as_it_was_when_its_shard_is_cut(dataset: Path, tmp_path: Path, workshop: Any) -> None:
    copy = Path(shutil.copytree(dataset, tmp_path / "copy"))
    plan, shards = opened(copy, workshop)
    (view,) = views(shards, RowOrder(plan), 17, 18)
    before = view.tokens.copy()
    for number in range(len(shards)):
        os.truncate(copy / shards.entry(number)[1].file, 100)
    assert np.array_equal(view.tokens, before)
    with pytest.raises(Refusal, match="was cut or changed while it was in use"):
        list(views(shards, RowOrder(plan), 17, 18))
