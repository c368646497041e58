"""All tensors of a batch move together, and keep their values and types."""

from dataclasses import fields

import numpy as np
import torch

from triptych.model.diffusion.batch import Batch

from ..conftest import pack, random_rows


def test_every_tensor_moves_to_the_device(draw: np.random.Generator) -> None:
    batch = pack(random_rows(draw, 3, 64), 64)
    moved = batch.to("meta")
    assert isinstance(moved, Batch)
    for field in fields(Batch):
        before, after = getattr(batch, field.name), getattr(moved, field.name)
        assert (before.device.type, after.device.type) == ("cpu", "meta"), field.name
        assert (after.shape, after.dtype) == (before.shape, before.dtype), field.name


def test_a_move_to_the_same_device_keeps_the_values(draw: np.random.Generator) -> None:
    batch = pack(random_rows(draw, 3, 64), 64)
    moved = batch.to(torch.device("cpu"))
    assert all(torch.equal(getattr(batch, field.name), getattr(moved, field.name)) for field in fields(Batch))
