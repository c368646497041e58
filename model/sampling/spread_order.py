"""Orders of unmasking that spread the positions of a step: the next one lies far from those that are known.

Positions that are close to each other depend on each other most, and tokens of one step are sampled independently, so
a step costs least if its positions are far apart. A Halton sequence visits a square in that way, and in one dimension
(van der Corput's sequence) a line. Besnier et al. 2025 (https://arxiv.org/abs/2503.17076) unmask pictures in the order
of a Halton sequence with bases 2 and 3, rolled at random, so that not all samples begin at the same position.

A cell is a position of a picture or text, or a frame of a clip.

Shapes are named by suffix: C cells of a line or square, R pictures, clips and texts (and gaps in their numbering), S
segments, T tokens of all segments, N some of them.
"""

from functools import cache
from math import isqrt

import torch

from ...schemas.vocabulary import Modality
from .canvas import Canvas


@cache
def halton_ranks(cells: int) -> torch.Tensor:
    """Rank of each cell in the order of a Halton sequence, int64 (C,): of a square if C is one, else of a line.

    Args:
        cells: Number of cells; those of a square row by row.
    """
    side = isqrt(cells)
    square = side * side == cells and side > 1
    found: dict[int, int] = {}
    index = 0
    while len(found) < cells:
        row, column = (int(_radical_inverse(index, base) * side) for base in (2, 3))
        cell = row * side + column if square else int(_radical_inverse(index, 2) * cells)
        found.setdefault(cell, len(found))
        index += 1
    return torch.tensor([found[cell] for cell in range(cells)])


def _radical_inverse(index: int, base: int) -> float:
    """The digits of an index in a base, mirrored at the point: element `index` of van der Corput's sequence."""
    value, scale = 0.0, 1.0
    while index:
        index, digit = divmod(index, base)
        scale /= base
        value += digit * scale
    return value


def spread_numbers(canvas: Canvas, codebook_T: torch.Tensor, roll_S: torch.Tensor) -> torch.Tensor:
    """Numbers in (0, 1) that rise in the spread order of each picture, clip and text of the canvas.

    Args:
        canvas: Segments to sample.
        codebook_T: Number of each code's codebook; codes of one frame have the same number.
        roll_S: Uniform number of each segment that rolls its orders.

    Returns:
        float64 (T,); of no meaning at structural tokens.
    """
    first_T = (canvas.slice_T > 0) & (codebook_T == 0)
    run_T = canvas.index_T * len(Modality) + canvas.modality_T.long()  # rises along the canvas where there are cells
    cells_R = torch.bincount(run_T[first_T], minlength=int(run_T.max()) + 1)
    cell_T = (first_T.cumsum(0) - 1 - (cells_R.cumsum(0) - cells_R)[run_T]).clamp(min=0)
    numbers_T = torch.zeros(len(run_T), dtype=torch.float64, device=run_T.device)
    for cells in cells_R[cells_R > 0].unique().tolist():
        mine_T = (canvas.slice_T > 0) & (cells_R[run_T] == cells)
        roll_N = (roll_S[canvas.index_T[mine_T]] * cells).long()
        rank_N = halton_ranks(cells).to(run_T.device)[cell_T[mine_T]]
        numbers_T[mine_T] = (((rank_N + roll_N) % cells).double() + 0.5) / cells
    return numbers_T
