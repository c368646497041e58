"""Tensors of the inputs move together; the groups and the direction of attention stay."""

import torch

from triptych.model.network.inputs import Inputs


def test_tensors_move_and_the_rest_stays() -> None:
    row = torch.arange(6).view(2, 3)
    for causal in (False, True):
        inputs = Inputs(row, row.int() + 1, row.int() + 2, row + 3, row[0], row[1], ((1, 2), (3, 1)), causal)
        moved = inputs.to("meta")
        names = ("tokens_BL", "segment_BL", "position_BL", "slice_BL", "query_N", "class_N")
        for name in names:
            before, after = getattr(inputs, name), getattr(moved, name)
            assert after.is_meta
            assert (after.shape, after.dtype) == (before.shape, before.dtype), name
            assert torch.equal(getattr(inputs.to("cpu"), name), before), name
        assert (moved.groups, moved.causal) == (((1, 2), (3, 1)), causal)
