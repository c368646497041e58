"""Random numbers that are a function of where they are used, and of nothing else.

A draw is a hash of (seed, stream, key…), so that masks and tasks are the same at any world size, micro-batch, device
and after a resume, and fresh in each epoch. The hash is a chain of SplitMix64 finalisers (Steele et al. 2014) in
wrapping int64 arithmetic, one link a part of the key.
"""

from enum import IntEnum

import torch

# The constants of SplitMix64, as signed 64-bit integers.
GAMMA = 0x9E3779B97F4A7C15 - (1 << 64)
FIRST = 0xBF58476D1CE4E5B9 - (1 << 64)
SECOND = 0x94D049BB133111EB - (1 << 64)


class RandomStream(IntEnum):
    """What a draw is for; two streams of one key have nothing to do with each other."""

    TASK = 1
    CONDITION_DROPOUT = 2
    ORDER = 3  # of a row's segments among the levels of masking
    STRATUM = 4  # of a row among the rows of its global batch
    JITTER = 5
    MASK = 6
    UNMASK = 7  # which open place is said next
    SAMPLE = 8  # what is said there
    REMASK = 9  # whether it is taken back
    LENGTH = 10  # of a sample's open half


def bits(seed: int, stream: RandomStream, *key: torch.Tensor) -> torch.Tensor:
    """64 random bits for each element of the broadcast key (integer tensors), as int64."""
    device = key[0].device
    state = _mix(torch.tensor(seed, dtype=torch.int64, device=device) + GAMMA)
    for part in (torch.tensor(int(stream), device=device), *key):
        state = _mix(state + (part.long() + 1) * GAMMA)
    return state


def uniform(seed: int, stream: RandomStream, *key: torch.Tensor) -> torch.Tensor:
    """A float64 in the open interval (0, 1) for each element of the broadcast key."""
    return to_unit(bits(seed, stream, *key))


def to_unit(drawn: torch.Tensor) -> torch.Tensor:
    """Random bits as float64 in the open interval (0, 1), on a grid of 2^-52."""
    return (_shift(drawn, 12).double() + 0.5) * 2.0**-52


def rank_within(group: torch.Tensor, draw: torch.Tensor) -> torch.Tensor:
    """Rank of each element's `draw` (random bits) among those of its group, from 0; one-dimensional.

    Groups are numbered from 0 and fewer than 2^23. 40 bits of a draw count; the order of ties is that of the elements.
    """
    order = torch.argsort((group << 40) | _shift(draw, 24), stable=True)
    counts = torch.bincount(group)
    starts = counts.cumsum(0) - counts
    rank = torch.empty_like(group)
    rank[order] = torch.arange(len(group), device=group.device) - starts[group[order]]
    return rank


def _shift(x: torch.Tensor, places: int) -> torch.Tensor:
    """A logical shift to the right; int64 has only the arithmetic one."""
    return (x >> places) & ((1 << (64 - places)) - 1)


def _mix(x: torch.Tensor) -> torch.Tensor:
    x = (x ^ _shift(x, 30)) * FIRST
    x = (x ^ _shift(x, 27)) * SECOND
    return x ^ _shift(x, 31)
