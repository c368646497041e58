"""Which rows of the embeddings and of the head mean the same in two vocabularies.

Special tokens have one meaning everywhere. Codes of an image or a clip mean the same if one tokenizer made both; codes
of texts also where tokenizers differ, by the bytes of their pieces.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from ..model.network.slices import Slices
from ..schemas.vocabulary import Modality, Vocabulary
from ..tokenizers.protocol import Piece

SPECIAL = "special"
Pieces = Callable[[], Sequence[Piece]]


class Rows(NamedTuple):
    """Rows of a matrix that are taken, and where they go."""

    mine: torch.Tensor  # int64
    theirs: torch.Tensor  # int64


class Part(NamedTuple):
    """A block of codes that both have or only one of them: its name, its codes here and there, and those that match."""

    name: str
    slice_index: int | None  # here; None: only the other one has it
    other_index: int | None
    size: int
    other_size: int
    rows: Rows  # codes, counted from 0 in their slices


def match_parts(mine: Vocabulary, theirs: Vocabulary, my_pieces: Pieces, their_pieces: Pieces) -> list[Part]:
    """Match the codes of two vocabularies, slice by slice.

    Args:
        mine: Vocabulary of the new model.
        theirs: Vocabulary of the model that is taken.
        my_pieces: Returns what each code of its texts stands for; called only if the text tokenizers differ.
        their_pieces: The same of the other one.
    """
    others = {(block.modality, block.codebook): at for at, block in enumerate(theirs.slices)}
    found = []
    for index, block in enumerate(mine.slices):
        at = others.pop((block.modality, block.codebook), None)
        size, name = block.stop - block.start, _name(block.modality, block.codebook)
        if at is None:
            found.append(Part(name, index, None, size, 0, _none()))
            continue
        other_size = theirs.slices[at].stop - theirs.slices[at].start
        key = block.modality.name.lower()
        same = mine.tokenizers.get(key) == theirs.tokenizers.get(key) and size == other_size
        if block.modality is Modality.SPECIAL or same:
            every = torch.arange(size)
            rows = Rows(every, every)
        else:
            rows = match_pieces(my_pieces(), their_pieces()) if block.modality is Modality.TEXT else _none()
        found.append(Part(name, index, at, size, other_size, rows))
    for at in others.values():
        block = theirs.slices[at]
        found.append(Part(_name(block.modality, block.codebook), None, at, 0, block.stop - block.start, _none()))
    return found


def match_pieces(mine: Sequence[Piece], theirs: Sequence[Piece]) -> Rows:
    """Match codes of texts that stand for the same bytes; the first code of each piece counts, special ones do not."""
    known: dict[Piece, int] = {}
    for code, piece in enumerate(theirs):
        if piece[0]:
            known.setdefault(piece, code)
    pairs = [(code, known.pop(piece)) for code, piece in enumerate(mine) if piece in known]
    return Rows(*torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).unbind(1))


def embedding_rows(parts: Sequence[Part], mine: Vocabulary, theirs: Vocabulary) -> Rows:
    """Rows of the token embeddings that are taken."""
    return _joined(
        [
            Rows(part.rows.mine + mine.slices[part.slice_index].start, part.rows.theirs + theirs.slices[at].start)
            for part in parts
            if part.slice_index is not None and (at := part.other_index) is not None
        ]
    )


def slice_rows(parts: Sequence[Part]) -> Rows:
    """Rows of the slice embeddings that are taken: those of slices that both have."""
    pairs = [(part.slice_index, part.other_index) for part in parts if None not in (part.slice_index, part.other_index)]
    return Rows(*torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).unbind(1))


def head_rows(parts: Sequence[Part], mine: Vocabulary, theirs: Vocabulary) -> Rows:
    """Rows of the head that are taken; the slice of texts begins with EOS, which both have."""
    starts, others = (Slices.of(each).starts for each in (mine, theirs))
    found = []
    for part in parts:
        if part.slice_index is None or part.other_index is None or part.name == SPECIAL:
            continue
        eos = int(mine.slices[part.slice_index].modality is Modality.TEXT)
        here, there = starts[part.slice_index], others[part.other_index]
        found.append(Rows(part.rows.mine + here + eos, part.rows.theirs + there + eos))
        if eos:
            found.append(Rows(torch.tensor([here]), torch.tensor([there])))
    return _joined(found)


def _joined(rows: Sequence[Rows]) -> Rows:
    if not rows:
        return _none()
    return Rows(torch.cat([each.mine for each in rows]), torch.cat([each.theirs for each in rows]))


def _none() -> Rows:
    return Rows(torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))


def _name(modality: Modality, codebook: int) -> str:
    return modality.name.lower() + (f" {codebook}" if modality is Modality.AUDIO else "")
