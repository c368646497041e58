"""Counter-based random numbers: every draw is a pure function of its key.

A draw is a hash of (seed, stream, key...). Masks and tasks are therefore the same at any world size, micro-batch size
and device, do not change after a resume, and differ from epoch to epoch. No generator state has to be saved.

The hash is a chain of SplitMix64 finalisers (Steele et al. 2014, https://doi.org/10.1145/2660193.2660195) in wrapping
int64 arithmetic, one link for each part of the key.
"""

from enum import IntEnum

import torch

from ..schemas import hashing

# The constants of SplitMix64, as signed 64-bit integers.
GAMMA, FIRST, SECOND = (constant - (1 << 64) for constant in (hashing.GOLDEN, hashing.FIRST, hashing.SECOND))


class RandomStream(IntEnum):
    """What a draw is used for. Draws of different streams are independent even when their keys are equal."""

    TASK = 1
    CONDITION_DROPOUT = 2
    ORDER = 3  # order of a row's segments among the noise levels
    STRATUM = 4  # stratum of a row within its global batch
    JITTER = 5  # position within a stratum
    MASK = 6  # which tokens are masked, in training and for likelihoods
    UNMASK = 7  # which masked position the sampler fills next
    SAMPLE = 8  # which token it draws there
    REMASK = 9  # whether it masks the position again
    LENGTH = 10  # length of the modality to be generated


def bits(seed: int, stream: RandomStream, *key: torch.Tensor) -> torch.Tensor:
    """Draw 64 random bits for each element of the broadcast key.

    Args:
        seed: Seed of the run.
        stream: Use of the draw.
        *key: One or more integer tensors that broadcast, such as epoch, row and position.

    Returns:
        int64 tensor of the broadcast shape, on the device of the first key.
    """
    device = key[0].device
    state = _mix(torch.tensor(seed, dtype=torch.int64, device=device) + GAMMA)
    for part in (torch.tensor(int(stream), device=device), *key):
        state = _mix(state + (part.long() + 1) * GAMMA)
    return state


def uniform(seed: int, stream: RandomStream, *key: torch.Tensor) -> torch.Tensor:
    """Draw a float64 in the open interval (0, 1) for each element of the broadcast key; arguments as for `bits`."""
    return to_unit(bits(seed, stream, *key))


def to_unit(drawn: torch.Tensor) -> torch.Tensor:
    """Map random bits (int64) to float64 in the open interval (0, 1), on a grid of 2^-52."""
    return (_shift(drawn, 12).double() + 0.5) * 2.0**-52


def rank_within(group: torch.Tensor, draw: torch.Tensor) -> torch.Tensor:
    """Rank each element's draw among the draws of its group.

    Only the upper 40 bits of a draw are compared; ties keep the order of the elements.

    Args:
        group: Group of each element, int64 (n,), counted from 0 and below 2^23.
        draw: Random bits or sort keys of each element, int64 (n,), compared as unsigned.

    Returns:
        Rank of each element within its group, from 0, int64 (n,).
    """
    order = torch.argsort((group << 40) | _shift(draw, 24), stable=True)
    counts = torch.bincount(group)
    starts = counts.cumsum(0) - counts
    rank = torch.empty_like(group)
    rank[order] = torch.arange(len(group), device=group.device) - starts[group[order]]
    return rank


def _shift(x: torch.Tensor, places: int) -> torch.Tensor:
    """Shift logically to the right; int64 tensors only have the arithmetic shift."""
    return (x >> places) & ((1 << (64 - places)) - 1)


def _mix(x: torch.Tensor) -> torch.Tensor:
    x = (x ^ _shift(x, 30)) * FIRST
    x = (x ^ _shift(x, 27)) * SECOND
    return x ^ _shift(x, 31)
