"""The refiner starts as the identity, keeps the shape, and looks only at the frames around each frame."""

import torch

from triptych.tokenizers.audio.mel import BANDS
from triptych.tokenizers.audio.refiner import Refiner


def test_it_starts_as_the_identity() -> None:
    torch.manual_seed(0)
    refiner = Refiner(width=8, blocks=2)
    for frames in (1, 5):
        x = torch.randn(2, BANDS, frames)
        assert torch.equal(refiner(x), x)


def test_the_first_step_can_learn() -> None:
    torch.manual_seed(0)
    refiner, x = Refiner(width=8, blocks=2), torch.randn(2, BANDS, 6)
    (refiner(x) - torch.randn(2, BANDS, 6)).square().mean().backward()
    assert refiner.leave.weight.grad is not None
    assert refiner.leave.weight.grad.abs().max() > 0


def test_a_frame_reaches_one_frame_a_convolution() -> None:
    torch.manual_seed(0)
    refiner, x = Refiner(width=8, blocks=1), torch.randn(1, BANDS, 21)
    torch.nn.init.normal_(refiner.leave.weight)
    changed = x.clone()
    changed[..., 10] += 1
    with torch.no_grad():
        differs = (refiner(changed) != refiner(x)).any(1)[0]
    # in, twice in the block, out: four convolutions of three frames
    assert differs.nonzero().flatten().tolist() == list(range(6, 15))
