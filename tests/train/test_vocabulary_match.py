"""Codes of two vocabularies that mean the same, and the rows of the matrices that follow."""

import numpy as np

from triptych.model.network.slices import Slices
from triptych.schemas.vocabulary import Special, Vocabulary
from triptych.train.vocabulary_match import Rows, embedding_rows, head_rows, match_parts, match_pieces, slice_rows

MINE = Vocabulary(text=5, image=4, audio=(3, 3), tokenizers={"text": "t", "image": "i", "audio": "a"})
THEIRS = Vocabulary(text=4, image=4, audio=(3,), tokenizers={"text": "u", "image": "i", "audio": "b"})
MY_PIECES = [(b"", False), (b"a", False), (b"b", True), (b"ab", False), (b"c", False)]
THEIR_PIECES = [(b"ab", False), (b"", False), (b"b", False), (b"a", False)]


def pairs(rows: Rows) -> list[tuple[int, int]]:
    return sorted(zip(rows.mine.tolist(), rows.theirs.tolist(), strict=True))


def test_pieces_match_by_their_bytes_and_special_ones_do_not() -> None:
    assert pairs(match_pieces(MY_PIECES, THEIR_PIECES)) == [(1, 3), (3, 0)]
    assert pairs(match_pieces([(b"a", False)] * 2, [(b"a", False)] * 2)) == [(0, 0)]
    assert pairs(match_pieces([], THEIR_PIECES)) == []


def test_rows_are_those_of_the_codes_that_match() -> None:
    parts = match_parts(MINE, THEIRS, lambda: MY_PIECES, lambda: THEIR_PIECES)
    assert [(part.name, len(part.rows.mine)) for part in parts] == [
        ("special", 256),
        ("text", 2),
        ("image", 4),
        ("audio 0", 0),
        ("audio 1", 0),
    ]
    text, images = 256, 256 + 5
    wanted = [(code, code) for code in range(256)] + [(text + 1, 256 + 3), (text + 3, 256)]
    assert pairs(embedding_rows(parts, MINE, THEIRS)) == wanted + [(images + at, 256 + 4 + at) for at in range(4)]
    assert pairs(slice_rows(parts)) == [(0, 0), (1, 1), (2, 2), (3, 3)]
    # EOS, two pieces, four codes of images; texts of the other have four classes and EOS
    assert pairs(head_rows(parts, MINE, THEIRS)) == [(0, 0), (2, 4), (4, 1), *((6 + at, 5 + at) for at in range(4))]


def test_a_row_of_the_head_belongs_to_the_id_of_the_row_of_the_embeddings() -> None:
    parts = match_parts(MINE, THEIRS, lambda: MY_PIECES, lambda: THEIR_PIECES)

    def ids(vocabulary: Vocabulary) -> list[int]:
        every = [
            [*([int(Special.EOS)] if block.codebook == 0 and at == 1 else []), *range(block.start, block.stop)]
            for at, block in enumerate(vocabulary.slices)
            if at
        ]
        assert [len(one) for one in every] == list(Slices.of(vocabulary).widths[1:])
        return [number for one in every for number in one]

    mine, theirs = (np.array(ids(each)) for each in (MINE, THEIRS))
    head = head_rows(parts, MINE, THEIRS)
    of_head = {(int(mine[a]), int(theirs[b])) for a, b in pairs(head)} - {(Special.EOS, Special.EOS)}
    assert of_head == {pair for pair in pairs(embedding_rows(parts, MINE, THEIRS)) if pair[0] >= 256}


def test_one_vocabulary_matches_whole_without_a_look_at_pieces() -> None:
    def unread() -> list[tuple[bytes, bool]]:
        raise AssertionError

    parts = match_parts(MINE, MINE, unread, unread)
    assert pairs(embedding_rows(parts, MINE, MINE)) == [(code, code) for code in range(MINE.size)]
    classes = sum(Slices.of(MINE).widths)
    assert pairs(head_rows(parts, MINE, MINE)) == [(row, row) for row in range(classes)]


def test_a_modality_that_only_the_other_has_is_named() -> None:
    text = Vocabulary(text=5, tokenizers={"text": "t"})
    parts = match_parts(text, MINE, list, list)
    assert [(part.name, part.size, part.other_size) for part in parts[2:]] == [
        ("image", 0, 4),
        ("audio 0", 0, 3),
        ("audio 1", 0, 3),
    ]
