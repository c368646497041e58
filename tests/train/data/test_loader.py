"""One stream whatever the processes, micro-batches, threads and interruptions; batches that say what is in the rows."""

import hashlib
import json
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from triptych.model.diffusion.batch import Batch
from triptych.model.network.slices import slice_table
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Mismatch, Refusal
from triptych.schemas.vocabulary import Modality, Special
from triptych.train.data.collate import collate, gather
from triptych.train.data.loader import Loader, MicroBatch
from triptych.train.data.plan import Plan
from triptych.train.data.row_order import RowOrder
from triptych.train.data.shards import Shards
from triptych.train.data.split import is_held_out
from triptych.train.data.views import views


@pytest.fixture
def plan(dataset: Path, workshop: Any) -> Plan:
    """Twelve steps of eight rows, more than an epoch of pictures."""
    entries = [
        {"path": str(dataset), "weight": weight, "modality": kind}
        for kind, weight in (("text", 1), ("image-text", 2), ("audio-text", 1))
    ]
    made: Plan = workshop.plan(*entries, steps=12, validation=0.1, seed=5)
    return made


@pytest.fixture
def shards(plan: Plan, workshop: Any) -> Shards:
    made: Shards = workshop.shards(plan)
    return made


def digest(parts: list[list[MicroBatch]]) -> str:
    """Of a global batch, from every process's micro-batches."""
    micro = [one for part in parts for one in part]
    found = hashlib.sha256()
    for name in ("tokens_BL", "segment_BL", "modality_BL", "position_BL", "slice_BL", "epoch_B", "row_B", "number_S"):
        found.update(torch.cat([getattr(one.batch, name) for one in micro]).numpy().tobytes())
    found.update(torch.cat([one.placement.index_B for one in micro]).numpy().tobytes())
    found.update(f"{[(one.placement.step, one.placement.rows) for one in micro[:1]]}".encode())
    return found.hexdigest()


def stream(
    plan: Plan, shards: Shards, world: int, micro: int | None, workers: int, state: Any = None, steps: int | None = None
) -> list[str]:
    loaders = [Loader(plan, shards, rank=rank, world=world, micro_rows=micro, workers=workers) for rank in range(world)]
    for loader in loaders:
        if state is not None:
            loader.load_state(json.loads(json.dumps(state)))
    found = [digest(list(parts)) for parts in islice(zip(*loaders, strict=True), steps)]
    for loader in loaders:
        loader.close()
    return found


@pytest.mark.parametrize(("world", "micro", "workers"), [(1, 3, 2), (2, None, 1), (2, 3, 3), (4, 1, 1), (8, None, 2)])
def test_processes_micro_batches_and_threads_do_not_show(
    plan: Plan, shards: Shards, world: int, micro: int | None, workers: int
) -> None:
    whole = stream(plan, shards, 1, None, 1)
    assert len(set(whole)) == plan.steps
    assert stream(plan, shards, world, micro, workers) == whole


def test_a_run_goes_on_from_any_step_with_other_processes(plan: Plan, shards: Shards) -> None:
    whole = stream(plan, shards, 1, None, 1)
    loader = Loader(plan, shards, world=2, workers=2)
    worlds = [1, 2, 4, 8]
    for step in range(plan.steps):
        state = loader.state()
        assert len(json.dumps(state)) < 200
        world = worlds[step % 4]
        assert stream(plan, shards, world, 1 + step % 3, 1 + step % 2, state, 3) == whole[step : step + 3]
        next(loader)
    with pytest.raises(StopIteration):
        next(loader)
    loader.close()


def test_a_state_of_a_loader_that_ran_ahead_can_be_taken_back(plan: Plan, shards: Shards) -> None:
    loader = Loader(plan, shards, workers=2)
    first = [digest([next(loader)]) for _ in range(3)]
    state = {**loader.state(), "position": 0}
    loader.load_state(state)
    assert [digest([next(loader)]) for _ in range(3)] == first
    loader.close()


def test_a_state_of_another_plan_is_refused_by_both_fingerprints(plan: Plan, shards: Shards) -> None:
    loader = Loader(plan, shards)
    with pytest.raises(Mismatch) as caught:
        loader.load_state({"position": 8, "plan": "0" * 32})
    assert plan.fingerprint in str(caught.value)
    assert "0" * 32 in str(caught.value)
    loader.close()


def test_rows_that_processes_cannot_share_evenly_are_refused(plan: Plan, shards: Shards) -> None:
    with pytest.raises(Refusal, match=r"a step has 8 rows, which 3 processes cannot share"):
        Loader(plan, shards, world=3)


def whole(plan: Plan, shards: Shards) -> Batch:
    """The first rows of the run, held-out documents included."""
    return collate(gather(shards, RowOrder(plan).between(0, 60)), slice_table(plan.vocabulary))


def test_a_batch_is_what_the_rows_say(plan: Plan, shards: Shards) -> None:
    batch, at = whole(plan, shards), RowOrder(plan).between(0, 60)
    data: Dataset = plan.datasets[0]
    segment = 0
    for b, (number, row) in enumerate(zip(at.shard.tolist(), at.row.tolist(), strict=True)):
        there = data.open(shards.entry(number)[1]).row(row)
        assert batch.tokens_BL[b].tolist() == there.tokens.tolist()
        assert batch.segment_BL[b].tolist() == there.segment.tolist()
        assert batch.modality_BL[b].tolist() == there.modality.tolist()
        for count, said in enumerate(there.segments, start=1):
            assert (int(batch.row_S[segment]), int(batch.number_S[segment])) == (b, count)
            assert int(batch.start_S[segment]) == said["start"]
            assert int(batch.length_S[segment]) == said["length"]
            assert int(batch.kind_S[segment]) == said["kind"]
            assert plan.sources[int(batch.source_S[segment])] == said["source"]
            assert int(batch.text_bytes_S[segment]) == said["text_bytes"]
            segment += 1
    assert segment == len(batch.row_S)


def test_positions_and_slices_are_those_of_the_tokens(plan: Plan, shards: Shards) -> None:
    batch = whole(plan, shards)
    for row, start, length in torch.stack([batch.row_S, batch.start_S, batch.length_S], 1).tolist():
        assert batch.position_BL[row, start : start + length].tolist() == list(range(length))
        assert batch.tokens_BL[row, start] == Special.TASK
    slices = plan.vocabulary.slices
    tokens, modality = batch.tokens_BL.flatten().tolist(), batch.modality_BL.flatten().tolist()
    for token, owner, index in zip(tokens, modality, batch.slice_BL.flatten().tolist(), strict=True):
        assert (index > 0) == (owner != Modality.SPECIAL)
        if index:
            assert slices[index].modality == owner
            assert slices[index].start <= token < slices[index].stop or token == Special.EOS
    assert (batch.position_BL[batch.segment_BL == 0] == 0).all()


def test_dtypes_are_those_of_the_contract(plan: Plan, shards: Shards) -> None:
    batch = whole(plan, shards)
    narrow = {"modality_BL": torch.uint8, "kind_S": torch.uint8, "slice_BL": torch.int16}
    narrow |= dict.fromkeys(("segment_BL", "position_BL", "source_S"), torch.int32)
    for name, tensor in vars(batch).items():
        assert tensor.dtype == narrow.get(name, torch.int64), name
        assert tensor.is_contiguous()


def test_epochs_count_and_numbers_stay(plan: Plan, shards: Shards, workshop: Any) -> None:
    loader = Loader(plan, shards)
    batches = [one.batch for step in loader for one in step]
    rows, epochs = (torch.cat([getattr(batch, name) for batch in batches]) for name in ("row_B", "epoch_B"))
    assert epochs.max() >= 1
    keys = list(zip(rows.tolist(), epochs.tolist(), strict=True))
    assert len(set(keys)) == len(keys)
    assert rows.max() < plan.first_rows[-1]
    loader.close()


def test_held_out_documents_are_padding_in_training(dataset: Path, workshop: Any) -> None:
    plan = workshop.plan({"path": str(dataset), "weight": 1}, steps=1, validation=0.4)
    shards = workshop.shards(plan)
    rows = gather(shards, RowOrder(plan).between(0, 8))
    out = is_held_out(rows.document, 0.4)
    batch = next(loader := Loader(plan, shards))[0].batch
    loader.close()
    assert 0 < out.sum() < len(out)
    assert len(batch.row_S) == (~out).sum()
    seen = np.zeros_like(rows.tokens, bool)
    places = np.stack([rows.row, rows.columns["start"], rows.columns["length"]], 1)[~out]
    for row, start, length in places.tolist():
        seen[row, start : start + length] = True
    assert np.array_equal(batch.segment_BL.numpy() > 0, seen)
    assert np.array_equal(batch.tokens_BL.numpy(), np.where(seen, rows.tokens, Special.PAD))
    # numbers run from 1 without a gap, as the model counts on
    for row in range(8):
        numbers = batch.number_S[batch.row_S == row].tolist()
        assert numbers == list(range(1, len(numbers) + 1))
        assert set(batch.segment_BL[row].tolist()) - {0} == set(numbers)


def test_views_are_the_rows_as_they_are_stored(plan: Plan, shards: Shards) -> None:
    at = RowOrder(plan).between(3, 40)
    for view, number, row in zip(views(shards, RowOrder(plan), 3, 40), at.shard.tolist(), at.row.tolist(), strict=True):
        shard = shards.open(number)
        assert np.array_equal(view.tokens, shard.tokens[row])
        assert np.array_equal(view.segment, shard.segment[row])
        assert np.array_equal(view.modality, shard.modality[row])


def test_a_loader_is_at_any_position_at_once(plan: Plan, shards: Shards) -> None:
    loader = Loader(plan, shards)
    began = time.process_time()
    loader.load_state({"position": 80, "plan": plan.fingerprint})
    next(loader)
    assert time.process_time() - began < 1
    assert loader.position == 88
    loader.close()


def test_a_shard_cut_short_is_found_when_it_is_reached(tmp_path: Path, workshop: Any) -> None:
    made = workshop.write(tmp_path / "out", counts={"docs": 40}, shards=1)
    plan = workshop.plan({"path": str(made), "weight": 1}, steps=1)
    (file,) = (made / "shards").iterdir()
    file.write_bytes(file.read_bytes()[:-64])
    loader = Loader(plan, workshop.shards(plan))
    with pytest.raises(Refusal, match=r"shards/text-.*bytes of .*not the shard of the manifest"):
        next(loader)
    loader.close()


def test_a_changed_plan_goes_on_behind_the_rows_that_were_read(dataset: Path, workshop: Any) -> None:
    parts = [{"path": str(dataset), "weight": 1, "modality": kind} for kind in ("text", "image-text")]
    first, longer = workshop.plan(*parts, steps=12, seed=5), workshop.plan(*parts, steps=20, seed=5)
    other = workshop.plan(parts[0], {**parts[1], "weight": 3}, steps=12, seed=5)
    shards = workshop.shards(first)
    loader = Loader(first, shards)
    seen = [micro.batch.row_B.tolist() for _ in range(3) for micro in next(loader)]
    state, read = json.loads(json.dumps([loader.state(), loader.rows_read()]))
    same = Loader(longer, shards)
    same.load_state(state, changed_at=3)  # only more steps: the stream itself is the same
    assert digest([next(same)]) == digest([next(loader)])
    changed = Loader(other, workshop.shards(other))
    changed.load_state(state, changed_at=3, read=read)
    after = list(changed)
    assert [micro[0].placement.step for micro in after] == list(range(3, 12))
    text = [row for batch in seen for row in batch if row < first.first_rows[1]]
    epoch = first.streams[0].rows
    more = [row for micro in after for row in micro[0].batch.row_B.tolist() if row < first.first_rows[1]]
    assert len(set(text + more[: epoch - len(text)])) == min(epoch, len(text) + len(more))
    again = Loader(other, workshop.shards(other))
    again.load_state(json.loads(json.dumps(changed.state())))
    with pytest.raises(StopIteration):
        next(again)
    for each in (loader, same, changed, again):
        each.close()
