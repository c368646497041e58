"""Blocks cut each segment's open places in order, and share its steps."""

import torch

from triptych.model.sampling.blocks import blocks_of
from triptych.schemas.config.model import Task

from ..canvases import canvas
from ..conftest import Sample


def test_blocks_of_ragged_segments() -> None:
    open_ = canvas([Sample(text=[0] * 6), Sample(text=[0], image=[0] * 3)], [Task.TEXT, Task.T2I])
    blocks = blocks_of(open_, 3)  # with EOS, which is open here: 7 and 3 places
    assert blocks.group_T.tolist() == [4, 0, 0, 0, 1, 1, 1, 2, 4, 4, 4, 4, 3, 3, 3, 4]
    assert blocks.size_G.tolist() == [3, 3, 1, 3]
    assert blocks.number_G.tolist() == [0, 1, 2, 0]
    assert blocks.blocks_G.tolist() == [3, 3, 3, 1]
    assert blocks.progress(1, 6).tolist() == [0.5, 0, 0, 1 / 6]
    assert blocks.progress(6, 6).tolist() == [1, 1, 1, 1]
    whole = blocks_of(open_, None)
    assert whole.size_G.tolist() == [7, 3]
    assert torch.equal(whole.group_T < 2, open_.target_T)


def test_the_current_block_is_the_first_of_its_segment_with_an_open_place() -> None:
    open_ = canvas([Sample(text=[0] * 6), Sample(text=[0] * 5)], [Task.TEXT] * 2)
    blocks = blocks_of(open_, 3)
    left_T = open_.target_T.clone()
    assert blocks.current(left_T).tolist() == [True, False, False, True, False]
    left_T[1:4] = False
    assert blocks.current(left_T).tolist() == [False, True, False, True, False]
    left_T[8:] = False
    assert blocks.current(left_T).tolist() == [False, True, False, False, False]
