import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from triptych.schemas.errors import Refusal
from triptych.tokenizers.text.sentencepiece_text import SentencePieceText

from .conftest import AWKWARD, any_text


@pytest.fixture(scope="module")
def text(trained: Path) -> SentencePieceText:
    return SentencePieceText(str(trained))


def foreign(tmp_path: Path, texts: list[str], **options: Any) -> tuple[Path, sentencepiece.SentencePieceProcessor]:
    """A model as others train them, with SentencePiece's defaults but for `options`."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        vocab_size=500,
        hard_vocab_limit=False,
        minloglevel=2,
        **options,
    )
    file = tmp_path / "foreign.model"
    file.write_bytes(model.getvalue())
    return file, sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


@given(texts=st.lists(any_text, max_size=5))
def test_any_text_comes_back_and_bytes_add_up(text: SentencePieceText, texts: list[str]) -> None:
    codes, offsets = text.encode(texts)
    assert (codes.dtype, offsets.dtype, len(offsets)) == (np.dtype(np.uint32), np.dtype(np.int64), len(texts) + 1)
    assert offsets[0] == 0
    assert offsets[-1] == len(codes)
    for start, stop, original in zip(offsets[:-1], offsets[1:], texts, strict=True):
        assert text.decode(codes[start:stop]) == original
        assert text.token_bytes[codes[start:stop]].sum() == len(original.encode())


@pytest.mark.parametrize("awkward", AWKWARD)
def test_awkward_text_comes_back(text: SentencePieceText, awkward: str) -> None:
    codes, _ = text.encode([awkward])
    assert text.decode(codes) == awkward


def test_a_text_has_the_same_codes_alone_and_among_others(text: SentencePieceText, manual: list[str]) -> None:
    texts = [*manual[:10], *AWKWARD]
    codes, offsets = text.encode(texts)
    for i, original in enumerate(texts):
        np.testing.assert_array_equal(codes[offsets[i] : offsets[i + 1]], text.encode([original])[0])


def test_real_text_takes_few_tokens(text: SentencePieceText, manual: list[str]) -> None:
    codes, _ = text.encode(manual)
    assert sum(len(t.encode()) for t in manual) / len(codes) > 2.5


def test_no_texts_no_codes(text: SentencePieceText) -> None:
    codes, offsets = text.encode([])
    assert (codes.size, offsets.tolist()) == (0, [0])
    assert text.decode([]) == ""


def test_half_a_character_decodes_with_a_mark(text: SentencePieceText) -> None:
    codes, _ = text.encode(["\U0001f600"])
    assert text.decode(codes[:2]) == "\ufffd"


def test_unknown_stands_for_no_bytes(text: SentencePieceText) -> None:
    assert text.token_bytes[0] == 0
    assert (text.token_bytes[1:] > 0).all()


def test_a_model_with_normalisation_encodes_as_sentencepiece_does(tmp_path: Path, manual: list[str]) -> None:
    lines = [line for t in manual for line in t.splitlines() if line]
    file, theirs = foreign(tmp_path, lines, byte_fallback=True)
    ours = SentencePieceText(str(file))
    assert not ours.exact
    texts = ["  \uff21 \ufb01ne  day ", "a\u2581b", "plain words"]
    codes, offsets = ours.encode(texts)
    for i, original in enumerate(texts):
        assert codes[offsets[i] : offsets[i + 1]].tolist() == theirs.encode(original)
        assert ours.decode(codes[offsets[i] : offsets[i + 1]]) == theirs.decode(theirs.encode(original))


def test_a_model_without_byte_pieces_is_not_called_exact(tmp_path: Path) -> None:
    options = {"normalization_rule_name": "identity", "add_dummy_prefix": False, "remove_extra_whitespaces": False}
    file, theirs = foreign(tmp_path, ["some words here", "words and more words"], **options)
    ours = SentencePieceText(str(file))
    assert not ours.exact
    assert ours.encode(["words \u4e00"])[0].tolist() == theirs.encode("words \u4e00")


def test_file_and_folder_are_the_same_tokenizer(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "renamed.model"
    copy.write_bytes((trained / "text.model").read_bytes())
    assert SentencePieceText(str(copy)).fingerprint == SentencePieceText(str(trained)).fingerprint


def test_other_pieces_have_another_fingerprint(trained: Path, tmp_path: Path) -> None:
    file, _ = foreign(tmp_path, ["some words here", "words and more words"])
    assert SentencePieceText(str(file)).fingerprint != SentencePieceText(str(trained)).fingerprint


@pytest.mark.parametrize("content", [b"", b"no model", b"\x0a\xff\xff"])
def test_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "text.model"
    file.write_bytes(content)
    with pytest.raises(Refusal, match="is not a SentencePiece model"):
        SentencePieceText(str(file))


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"Give the path of a text\.model"):
        SentencePieceText(str(tmp_path))


def test_a_piece_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    file, model = foreign(tmp_path, ["kalomi ren ta " * 20])
    piece = next(model.id_to_piece(i) for i in range(3, model.vocab_size()) if len(model.id_to_piece(i).encode()) == 1)
    mark = b"\x0a\x01"  # field 1 of a piece: its text, one byte
    data = file.read_bytes()
    assert mark + piece.encode() in data
    file.write_bytes(data.replace(mark + piece.encode(), mark + b"\xfd"))
    with pytest.raises(Refusal, match="is not a SentencePiece model"):
        SentencePieceText(str(file))
