"""What of a text is open: every byte of the answer, and no token that has none of it."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.schemas.vocabulary import Special, Vocabulary
from triptych.tokenizers.text.sentencepiece_text import SentencePieceText
from triptych.train.evaluate.likelihood.text_segments import canvas_of_pairs

LETTERS = st.text("kalomi ü,\n", max_size=30)


@pytest.fixture(scope="module")
def tokenizer(text_model: Path) -> SentencePieceText:
    return SentencePieceText(str(text_model))


@settings(max_examples=25)
@given(pairs=st.lists(st.tuples(LETTERS, LETTERS), min_size=1, max_size=4), longest=st.integers(5, 60))
def test_open_tokens_are_those_with_a_byte_of_the_answer(
    tokenizer: SentencePieceText, pairs: list[tuple[str, str]], longest: int
) -> None:
    vocabulary = Vocabulary(text=tokenizer.size)
    start = vocabulary.slices[1].start
    canvas = canvas_of_pairs(pairs, tokenizer, vocabulary, longest, range(len(pairs)))
    for segment, (context, answer) in enumerate(pairs):
        mine_T = canvas.index_T == segment
        ids, open_T = canvas.tokens_T[mine_T], canvas.target_T[mine_T]
        assert len(ids) <= longest
        assert ids[0] == Special.TEXT
        assert ids[-1] == Special.EOS
        assert not open_T[0]
        assert not open_T[-1]
        codes, opened = ids[1:-1] - start, open_T[1:-1]
        sizes = torch.from_numpy(tokenizer.token_bytes)[codes]
        after = sizes.flip(0).cumsum(0).flip(0) - sizes  # bytes to the right of each token
        assert torch.equal(opened, after < len(answer.encode()))
        whole = (context + answer).encode()
        if len(ids) < longest:
            assert tokenizer.decode(codes.numpy()).encode() == whole
