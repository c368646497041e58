"""Rows of a mix: what the trainer reads, in its order, by any number of processes, resumed anywhere."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

import triptych
from triptych.schemas.config.mix import MixFile
from triptych.train.data.loader import Loader
from triptych.train.data.plan import make_plan
from triptych.train.data.shard_cache import Cache
from triptych.train.data.shards import Shards


@pytest.fixture
def mix(prepared_mix: Path) -> dict[str, Any]:
    entries = [
        {"path": str(prepared_mix), "modality": "text", "weight": 2.0},
        {"path": str(prepared_mix), "modality": "image-text", "weight": 1.0},
    ]
    return {"datasets": entries, "batch_tokens": 2048, "seed": 3}


def tokens(stream: triptych.MixStream, count: int) -> list[torch.Tensor]:
    batches = iter(stream)
    return [next(batches).tokens_BL for _ in range(count)]


def test_the_stream_is_what_the_trainer_reads(mix: dict[str, Any], tmp_path: Path) -> None:
    plan = make_plan(MixFile.model_validate(mix), seed=3)
    loader = Loader(plan, Shards(plan, Cache(tmp_path, 0)))
    for batch, (micro,) in zip(triptych.MixStream(mix), loader, strict=True):
        assert (batch.tokens_BL == micro.batch.tokens_BL).all()
        assert (batch.segment_BL == micro.batch.segment_BL).all()


def test_processes_share_the_same_global_batches_and_resume_in_another_number(mix: dict[str, Any]) -> None:
    whole = tokens(triptych.MixStream(mix), 5)
    two = [triptych.MixStream(mix, rank=rank, world=2) for rank in range(2)]
    first = [torch.cat(parts) for parts in zip(*(tokens(one, 2) for one in two), strict=True)]
    assert all((mine == wanted).all() for mine, wanted in zip(first, whole[:2], strict=True))
    state = two[1].state_dict()
    assert state == two[0].state_dict()
    four = [triptych.MixStream(mix, rank=rank, world=4, workers=2) for rank in range(4)]
    for one in four:
        one.load_state_dict(state)
    rest = [torch.cat(parts) for parts in zip(*(tokens(one, 3) for one in four), strict=True)]
    assert all((mine == wanted).all() for mine, wanted in zip(rest, whole[2:], strict=True))


def test_a_stream_goes_through_a_data_loader(mix: dict[str, Any]) -> None:
    loaded = [batch.tokens_BL for batch in DataLoader(triptych.MixStream(mix, steps=3), batch_size=None)]
    assert len(loaded) == 3
    assert all((a == b).all() for a, b in zip(loaded, tokens(triptych.MixStream(mix), 3), strict=True))


def test_rows_by_position_are_those_of_the_stream(mix: dict[str, Any]) -> None:
    rows, stream = triptych.MixRows(mix, steps=4), triptych.MixStream(mix, steps=4)
    streamed = torch.cat(tokens(stream, 4))
    assert len(rows) == len(streamed) == 4 * 2048 // 128
    loaded = torch.cat([batch.tokens for batch in DataLoader(rows, batch_size=16, num_workers=2)])
    assert (loaded == streamed).all()
    assert (rows[5].tokens == streamed[5]).all()
    state = rows.state_dict(consumed=7)
    again = pickle.loads(pickle.dumps(triptych.MixRows(mix, steps=4)))
    again.load_state_dict(state)
    assert len(again) == len(rows) - 7
    assert (again[0].tokens == streamed[7]).all()
    with pytest.raises(IndexError):
        again[len(again)]


def test_held_out_documents_are_left_out_as_in_training(mix: dict[str, Any]) -> None:
    held = triptych.MixRows(mix, steps=2, validation=0.4)
    whole = triptych.MixRows(mix, steps=2)
    assert sum(int((row.segment > 0).sum()) for row in map(held.__getitem__, range(len(held)))) < sum(
        int((row.segment > 0).sum()) for row in map(whole.__getitem__, range(len(whole)))
    )


def test_the_state_of_another_mix_is_refused(mix: dict[str, Any]) -> None:
    state = triptych.MixStream(mix).state_dict()
    for other in (triptych.MixStream(mix, seed=4), triptych.MixRows(mix, seed=4)):
        with pytest.raises(triptych.Refusal, match="plan"):
            other.load_state_dict(state)


def test_a_train_file_gives_the_stream_that_train_reads(mix: dict[str, Any]) -> None:
    data = {key: mix[key] for key in ("datasets", "batch_tokens")} | {"validation": 0.1}
    tree = {"out": "unused", "seed": 3, "data": data, "model": {"depth": 1, "width": 64}, "steps": 2}
    batches = list(triptych.MixStream(tree))
    assert len(batches) == 2
    rows = triptych.MixRows(mix | {"seed": 3}, validation=0.1)
    assert (batches[0].tokens_BL[0] == rows[0].tokens).all()
