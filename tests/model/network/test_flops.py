"""P25: operations by the formula are those that PyTorch counts."""

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from triptych.model.diffusion.corrupt import corrupt
from triptych.model.diffusion.noise_levels import RowPlacement
from triptych.model.network.flops import training_flops
from triptych.model.network.init import initialise
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import MaskedObjective, ModelConfig

from ..conftest import VOCABULARY, pack, random_rows


@pytest.mark.parametrize("objective", [MaskedObjective(), MaskedObjective(anti_masking=True)])
def test_the_formula_is_what_is_counted(objective: MaskedObjective, draw: np.random.Generator) -> None:
    shape = shape_of(ModelConfig(depth=2, width=128))
    model = Transformer(shape, VOCABULARY)
    initialise(model, 0)
    rows = random_rows(draw, 4, 96)
    batch = pack(rows, 96)
    out = corrupt(batch, objective, model.slices, 0, RowPlacement(0, torch.arange(4), 4))
    formula = training_flops(shape, model.slices, batch.length_S, out.inputs.groups, objective.copies)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        nats, _ = model(out.inputs)
        nats.sum().backward()
    computed = formula.matrices * batch.tokens_BL.numel() / int(batch.length_S.sum())  # the module multiplies padding
    assert counter.get_total_flops() == pytest.approx(computed + formula.attention + formula.head, rel=1e-6)
