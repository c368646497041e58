from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from triptych.schemas.errors import Refusal
from triptych.tokenizers.text.huggingface_text import HuggingFaceText

from .conftest import AWKWARD, any_text


@pytest.fixture(scope="module")
def text(byte_level: Path) -> HuggingFaceText:
    return HuggingFaceText(str(byte_level))


@given(texts=st.lists(any_text, max_size=5))
def test_any_text_comes_back_and_bytes_add_up(text: HuggingFaceText, texts: list[str]) -> None:
    codes, offsets = text.encode(texts)
    assert (codes.dtype, offsets.dtype, len(offsets)) == (np.dtype(np.uint32), np.dtype(np.int64), len(texts) + 1)
    for start, stop, original in zip(offsets[:-1], offsets[1:], texts, strict=True):
        assert text.decode(codes[start:stop]) == original
        assert text.token_bytes[codes[start:stop]].sum() == len(original.encode())


@pytest.mark.parametrize("awkward", [*AWKWARD, "a <pad> in the text"])
def test_awkward_text_comes_back_whole(text: HuggingFaceText, awkward: str) -> None:
    codes, _ = text.encode([awkward])
    assert text.decode(codes) == awkward
    assert text.size - 1 not in codes  # <pad>


def test_special_tokens_stand_for_no_bytes(text: HuggingFaceText) -> None:
    assert text.token_bytes[-1] == 0
    assert (text.token_bytes[:-1] > 0).all()


def test_codes_are_those_of_the_library(text: HuggingFaceText, byte_level: Path, manual: list[str]) -> None:
    theirs = Tokenizer.from_file(str(byte_level / "tokenizer.json"))
    theirs.no_truncation()
    assert text.encode(manual[:3])[0].tolist() == [i for t in manual[:3] for i in theirs.encode(t).ids]


def test_pieces_with_space_marks_and_bytes_are_counted(tmp_path: Path) -> None:
    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)} | {"\u2581": 256, "h": 257, "\u2581h": 258}
    model = Tokenizer(models.BPE(vocabulary, [("\u2581", "h")], byte_fallback=True))
    model.normalizer = normalizers.Replace(" ", "\u2581")
    model.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    model.save(str(tmp_path / "tokenizer.json"))
    text = HuggingFaceText(str(tmp_path))
    codes, _ = text.encode([" h \u00e9"])
    assert codes.tolist() == [258, 256, 0xC3, 0xA9]
    assert text.token_bytes[codes].tolist() == [2, 1, 1, 1]
    assert text.decode(codes) == " h \u00e9"


def test_word_pieces_are_counted_without_their_marks(tmp_path: Path) -> None:
    model = Tokenizer(models.WordPiece({"[UNK]": 0, "play": 1, "##ing": 2}, unk_token="[UNK]"))
    model.pre_tokenizer = pre_tokenizers.Whitespace()
    model.decoder = decoders.WordPiece()
    model.save(str(tmp_path / "tokenizer.json"))
    text = HuggingFaceText(str(tmp_path / "tokenizer.json"))
    assert text.token_bytes[text.encode(["playing"])[0]].tolist() == [4, 3]


def test_fingerprint_is_of_the_content(byte_level: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.json"
    copy.write_bytes((byte_level / "tokenizer.json").read_bytes())
    assert HuggingFaceText(str(copy)).fingerprint == HuggingFaceText(str(byte_level)).fingerprint
    copy.write_bytes(copy.read_bytes() + b"\n")
    assert HuggingFaceText(str(copy)).fingerprint != HuggingFaceText(str(byte_level)).fingerprint


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"model": {"type": "BPE"}}'])
def test_no_tokenizer_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(Refusal, match=r"is not a tokenizer\.json"):
        HuggingFaceText(str(tmp_path))
