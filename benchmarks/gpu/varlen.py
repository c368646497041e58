"""Flash attention over runs of tokens (torch.nn.attention.varlen), put in the place of the model's own attention.

The model has no such backend; whether it should have one is what is measured here. All rows of a batch are one row of
runs, each a segment or the padding of a row.

Shapes are named by suffix: B rows, L tokens per row, T tokens of all rows, R runs, H heads, E size of a head.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

from triptych.model.network import transformer

Kernel = Callable[..., Any]  # varlen_attn(q_THE, k_THE, v_THE, starts, starts, longest, longest)


class VarlenMask(NamedTuple):
    """Where each run begins, and where the last one ends."""

    starts: torch.Tensor  # int32 (R + 1,)
    longest: int  # no run is longer


def kernel() -> Kernel | str:
    """The function of torch, or why there is none."""
    if not torch.cuda.is_available():
        return "flash attention needs a GPU"
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return f"torch {torch.__version__} has no torch.nn.attention.varlen"
    return varlen_attn


def varlen_mask(segment_BL: torch.Tensor) -> VarlenMask:
    """The runs of a batch; the longest is taken to be a whole row, so that no compiled layer depends on the batch."""
    rows, length = segment_BL.shape
    number = segment_BL + torch.arange(rows, device=segment_BL.device)[:, None] * (length + 1)
    _, lengths = torch.unique_consecutive(number.flatten(), return_counts=True)
    start_R = torch.nn.functional.pad(lengths.cumsum(0), (1, 0)).int()
    torch._dynamo.maybe_mark_dynamic(start_R, 0)
    return VarlenMask(start_R, length)


def attend_varlen(run: Kernel, q_BLHE: torch.Tensor, k_BLHE: torch.Tensor, v_BLHE: torch.Tensor, mask: Any) -> Any:
    """Attention within the runs; arguments and result as of `attend` in model/network/attention.py."""
    q, k, v = (x.flatten(0, 1) for x in (q_BLHE, k_BLHE, v_BLHE))
    if torch.is_autocast_enabled(q.device.type):  # the norms of queries and keys leave them in float32
        dtype = torch.get_autocast_dtype(q.device.type)
        q, k, v = q.to(dtype), k.to(dtype), v.to(dtype)
    done_THE = run(q, k, v, mask.starts, mask.starts, mask.longest, mask.longest)
    return done_THE.view(q_BLHE.shape)


@contextmanager
def varlen_model(run: Kernel) -> Iterator[None]:
    """While this holds, every model attends by flash attention over runs."""
    own: dict[str, Any] = {name: getattr(transformer, name) for name in ("segment_mask", "attend")}

    def mask_of(segment_BL: torch.Tensor, causal: bool, backend: object = None) -> VarlenMask:
        return varlen_mask(segment_BL)

    def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: Any) -> Any:
        return attend_varlen(run, q, k, v, mask)

    try:
        setattr(transformer, "segment_mask", mask_of)  # noqa: B010 -- a name of a module, of another type
        setattr(transformer, "attend", attend)  # noqa: B010
        yield
    finally:
        for name, value in own.items():
            setattr(transformer, name, value)
