"""What each code of a text tokenizer stands for: the pieces of a text, put together, are the text."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from triptych.tokenizers.protocol import TextTokenizer
from triptych.tokenizers.text.huggingface_text import HuggingFaceText, _length, _piece
from triptych.tokenizers.text.sentencepiece_text import SentencePieceText
from triptych.tokenizers.text.tiktoken_text import TiktokenText

BYTE_FALLBACK = {"ByteFallback"}
TEXTS = ["ka lo mi ren", "naïve ☃ \u2581 x", "\t\n  a"]


def byte_level(folder: Path) -> HuggingFaceText:
    model = Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=["<s>"])
    model.train_from_iterator(["ka lo mi ren vor"] * 50, trainer)
    (folder / "tokenizer.json").write_text(model.to_str())
    assert json.loads((folder / "tokenizer.json").read_text())["model"]["type"] == "BPE"
    return HuggingFaceText(str(folder))


def ranks(folder: Path) -> TiktokenText:
    import base64

    lines = [*(bytes([byte]) for byte in range(256)), b" l", b"mi"]
    text = "".join(f"{base64.b64encode(piece).decode()} {rank}\n" for rank, piece in enumerate(lines))
    (folder / "text.tiktoken").write_text(text)
    return TiktokenText(str(folder), "gpt2")


@pytest.mark.parametrize("kind", ["sentencepiece", "huggingface", "tiktoken"])
def test_pieces_put_together_are_the_text(kind: str, text_model: Path, tmp_path: Path) -> None:
    ways: dict[str, Callable[[], TextTokenizer]] = {
        "sentencepiece": lambda: SentencePieceText(str(text_model)),
        "huggingface": lambda: byte_level(tmp_path),
        "tiktoken": lambda: ranks(tmp_path),
    }
    opened = ways[kind]()
    pieces = opened.pieces()
    assert len(pieces) == opened.size
    assert [len(piece) for piece, _ in pieces] == opened.token_bytes.tolist()
    for text in TEXTS:
        assert b"".join(pieces[code][0] for code in opened.encode([text])[0].tolist()).decode() == text


def test_fallback_bytes_are_marked_and_special_pieces_empty(text_model: Path, tmp_path: Path) -> None:
    pieces = SentencePieceText(str(text_model)).pieces()
    assert sum(fallback for _, fallback in pieces) == 256
    assert (b"A", True) in pieces
    assert byte_level(tmp_path).pieces()[0] == (b"", False)


def test_a_piece_that_looks_like_a_byte_and_is_none_stands_for_itself() -> None:
    assert (_piece("<0x0a>", BYTE_FALLBACK), _length("<0x0a>", BYTE_FALLBACK)) == ((b"\n", True), 1)
    assert (_piece("<0xZZ>", BYTE_FALLBACK), _length("<0xZZ>", BYTE_FALLBACK)) == ((b"<0xZZ>", False), 6)
