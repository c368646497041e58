"""Correctness and speed of attention by itself, on packed rows of the mix; and that segments stay apart.

Each backend is compared with dense attention in float64 on the same inputs: outputs, and gradients of all three inputs.
The difference is the norm of the error over the norm of the reference, over the tokens of segments. Float32 must
stay below 1e-3 (TensorFloat-32 would give about 3e-4), bfloat16 below 2e-2.

Shapes are named by suffix: B rows, L tokens per row, H heads, E size of a head.
"""

import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from triptych.model.network.attention import AttentionBackend, attend, segment_mask
from triptych.model.network.init import initialise
from triptych.model.network.inputs import Inputs
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import ModelConfig

from .device import seconds
from .mix import VOCABULARY
from .setting import Setting, batches
from .varlen import attend_varlen, kernel, varlen_mask

TOLERANCES = {torch.float32: 1e-3, torch.bfloat16: 2e-2}
Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def measure(setting: Setting) -> None:
    """All checks, then all times."""
    batch = batches(setting, setting.packed, 2 * setting.sizes.row_length, steps=1)[0][0].batch
    segment_BL = batch.segment_BL.to(setting.device)
    check_backends(setting, segment_BL)
    for precision in (torch.float32, torch.bfloat16):
        check_isolation(setting, precision)
    time_backends(setting, segment_BL.repeat(setting.sizes.pass_tokens // segment_BL.numel(), 1))


def backends(setting: Setting, segment_BL: torch.Tensor, dtype: torch.dtype) -> dict[str, Attend]:
    """Each way to attend on this device by its name, for one batch."""

    def ours(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: Any) -> torch.Tensor:
        return attend(q, k, v, mask)

    names: list[AttentionBackend] = ["flex", "dense"] if setting.cuda else ["split", "dense"]
    found: dict[str, Attend] = {
        name: partial(ours, mask=segment_mask(segment_BL, causal=False, backend=name)) for name in names
    }
    run = kernel()
    if isinstance(run, str):
        setting.record.leave_out("varlen", run)
    elif dtype == torch.bfloat16:
        found["varlen"] = partial(attend_varlen, run, mask=varlen_mask(segment_BL))
    return found


def drawn(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> list[torch.Tensor]:
    """Queries, keys, values and the gradient of the outputs."""
    generator = torch.Generator(device).manual_seed(0)
    return [torch.randn(shape, generator=generator, device=device).to(dtype) for _ in range(4)]


def results(run: Attend, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
    """Outputs, and gradients of queries, keys and values."""
    q, k, v = (x.detach().requires_grad_() for x in inputs[:3])
    out = run(q, k, v)
    return [out.detach(), *torch.autograd.grad(out, (q, k, v), inputs[3])]


def check_backends(setting: Setting, segment_BL: torch.Tensor) -> None:
    """Compare every backend with dense attention in float64."""
    shape = (*segment_BL.shape, setting.sizes.heads, 64)
    real_BL = segment_BL > 0
    dense = segment_mask(segment_BL, causal=False, backend="dense")
    for dtype, limit in TOLERANCES.items():
        inputs = drawn(shape, dtype, setting.device)
        inputs[3] = inputs[3] * real_BL[:, :, None, None]  # outputs at padding are never used
        wanted = results(lambda q, k, v: attend(q, k, v, dense), [x.double() for x in inputs])
        for name, run in backends(setting, segment_BL, dtype).items():
            found = results(run, inputs)
            errors = [
                float((a.double() - b)[real_BL].norm() / b[real_BL].norm()) for a, b in zip(found, wanted, strict=True)
            ]
            passed = all(error < limit for error in errors)  # false for NaN
            values = dict(zip(("output", "dq", "dk", "dv"), errors, strict=True))
            setting.record.add(f"{name} against float64, {word(dtype)}", passed=passed, limit=limit, **values)


def check_isolation(setting: Setting, dtype: torch.dtype) -> None:
    """Replace one segment of each row by random tokens: no bit of another segment's hidden states may change."""
    model = Transformer(shape_of(ModelConfig.model_validate(setting.sizes.check_model)), VOCABULARY)
    model = model.to(setting.device).eval()
    initialise(model, 0)
    if setting.cuda:
        for block in model.blocks:
            block.compile()
    batch = batches(setting, setting.packed, 4 * setting.sizes.row_length, steps=1)[0][0].batch.to(setting.device)
    chosen_B1 = (batch.segment_BL.amax(1, keepdim=True) + 1) // 2
    changed_BL = batch.segment_BL == chosen_B1
    noise_BL = torch.randint_like(batch.tokens_BL, 256, VOCABULARY.size)
    before, after = (
        hidden(model, batch.segment_BL, batch.position_BL, batch.slice_BL, tokens, dtype)
        for tokens in (batch.tokens_BL, torch.where(changed_BL, noise_BL, batch.tokens_BL))
    )
    others = ((batch.segment_BL > 0) & ~changed_BL).flatten()
    differing = int((before != after)[others].any(-1).sum())
    here = bool((before != after)[changed_BL.flatten()].any())
    setting.record.add(
        f"segments apart, bit for bit, {word(dtype)}",
        passed=here and differing == 0,
        tokens=int(others.sum()),
        differing=differing,
    )


@torch.no_grad()
def hidden(
    model: Transformer,
    segment_BL: torch.Tensor,
    position_BL: torch.Tensor,
    slice_BL: torch.Tensor,
    tokens_BL: torch.Tensor,
    dtype: torch.dtype,
) -> torch.Tensor:
    """Hidden states of all positions (B * L, D)."""
    every = torch.arange(tokens_BL.numel(), device=tokens_BL.device)
    inputs = Inputs(
        tokens_BL, segment_BL, position_BL, slice_BL.long(), every, torch.zeros_like(every), groups=(), causal=False
    )
    with torch.autocast(tokens_BL.device.type, dtype, enabled=dtype != torch.float32):
        return model.hidden_states(inputs)


def time_backends(setting: Setting, segment_BL: torch.Tensor) -> None:
    """Forward and backward pass of one layer's attention, the mask of the batch ready, in bfloat16."""
    dtype = torch.bfloat16
    inputs = drawn((*segment_BL.shape, setting.sizes.heads, 64), dtype, setting.device)
    tokens = int((segment_BL > 0).sum())
    for name, run in backends(setting, segment_BL, dtype).items():
        if setting.record.has_time(f"{name}, forward and backward", 10):
            results(run, inputs)  # compiles
            taken = [seconds(partial(results, run, inputs)) for _ in range(setting.sizes.repeats)]
            middle = statistics.median(taken)
            setting.record.add(
                f"{name}, forward and backward",
                ms=1000 * middle,
                ms_min=1000 * min(taken),
                ms_max=1000 * max(taken),
                tokens_per_second=tokens / middle,
            )


def word(dtype: torch.dtype) -> str:
    """Name of a type."""
    return str(dtype).removeprefix("torch.")
