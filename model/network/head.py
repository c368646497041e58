"""Output head: logits over the classes of one slice, computed only at queried positions.

A softmax over all ids would spend probability on ids that cannot occur at a position, and most of a small model's
compute. Here the positions of each slice are multiplied by that slice's rows of the weight, in chunks, so that logits
stay small. In training the logits of a chunk are recomputed in the backward pass instead of stored.

Shapes are named by suffix: N queried positions, D width, C classes of one slice.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

MAX_LOGITS = 1 << 25  # per chunk: 128 MiB of float32


class Head(nn.Module):
    """A weight row and a bias for each class of each slice; no row for PAD, MASK or structural tokens."""

    def __init__(self, width: int, classes: tuple[int, ...], bias: bool = False) -> None:
        super().__init__()
        self._classes = list(classes)
        self.weight = nn.Parameter(torch.empty(sum(classes), width))
        self.bias = nn.Parameter(torch.empty(sum(classes))) if bias else None

    def forward(
        self, h_ND: torch.Tensor, class_N: torch.Tensor, groups: tuple[tuple[int, int], ...]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross-entropy of the right classes.

        Args:
            h_ND: Hidden states, grouped by slice.
            class_N: Right class of each position, counted within its slice.
            groups: (slice, number of positions), in the order of N.

        Returns:
            Cross-entropy in nats, and log of the softmax's denominator, both float32 (N,).
        """
        if not groups:  # an empty result that depends on the weight: DDP waits for every parameter's gradient
            none_N = nn.functional.linear(h_ND, self.weight[:1], self.bias[:1] if self.bias is not None else None)
            none_N = none_N[:, 0].float()
            return none_N, none_N
        rows = torch.split(self.weight, self._classes)
        biases = self._biases()
        nats, log_z, start = [], [], 0
        for index, count in groups:
            chunk = max(1, MAX_LOGITS // self._classes[index])
            for begin in range(start, start + count, chunk):
                part = slice(begin, min(begin + chunk, start + count))
                recompute = torch.is_grad_enabled() and count > chunk
                cross_entropy = _recomputed_cross_entropy if recompute else _cross_entropy
                ce, z = cross_entropy(h_ND[part], rows[index], biases[index], class_N[part])
                nats.append(ce)
                log_z.append(z)
            start += count
        return torch.cat(nats), torch.cat(log_z)

    def logits(self, h_ND: torch.Tensor, index: int) -> torch.Tensor:
        """Logits over the classes of slice `index`, float32 (N, C)."""
        return nn.functional.linear(h_ND, torch.split(self.weight, self._classes)[index], self._biases()[index]).float()

    def _biases(self) -> Sequence[torch.Tensor | None]:
        return [None] * len(self._classes) if self.bias is None else torch.split(self.bias, self._classes)


def _cross_entropy(
    h_ND: torch.Tensor, rows_CD: torch.Tensor, bias_C: torch.Tensor | None, class_N: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    logits_NC = nn.functional.linear(h_ND, rows_CD, bias_C).float()
    log_z_N = logits_NC.logsumexp(-1)
    return log_z_N - logits_NC.gather(-1, class_N[:, None])[:, 0], log_z_N


def _recomputed_cross_entropy(
    h_ND: torch.Tensor, rows_CD: torch.Tensor, bias_C: torch.Tensor | None, class_N: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    cross_entropy: tuple[torch.Tensor, torch.Tensor] = checkpoint(
        _cross_entropy, h_ND, rows_CD, bias_C, class_N, use_reentrant=False, preserve_rng_state=False
    )
    return cross_entropy
