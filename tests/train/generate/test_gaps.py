"""Gaps of a text: how they are read, and that the text around them comes back as it was given."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from triptych.schemas.errors import Refusal
from triptych.tokenizers.protocol import TextTokenizer
from triptych.tokenizers.text.huggingface_text import HuggingFaceText
from triptych.tokenizers.text.sentencepiece_text import SentencePieceText
from triptych.train.generate.gaps import encode_with_gaps, split_gaps
from triptych.train.generate.samples import MASKED

TEXTS = ["un able unable name names naming the dog sees a red house.", "left and right, able to go on."] * 20
PROMPTS = ["un<gap:1>able", "the dog na<gap:2>me sees", "left <gap:2> right", "<gap:1>able", "a<gap:1>b<gap:1>le."]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ka <gap:3> lo", ["ka ", 3, " lo"]),
        ("<gap:12><gap:1>", [12, 1]),
        ("no <gap> or <gap:x>", ["no <gap> or <gap:x>"]),
        (r"a \<gap:4> b", ["a <gap:4> b"]),
        (r"a \\<gap:4> b", ["a \\", 4, " b"]),
        (r"a \\\<gap:4><gap:2>", [r"a \<gap:4>", 2]),
        (r"C:\new \\ <gap>", [r"C:\new \\ <gap>"]),
        ("", []),
    ],
)
def test_gaps_split_a_text(text: str, parts: list[str | int]) -> None:
    assert split_gaps(text) == parts


@pytest.mark.parametrize("number", ["0", "99999999999999999999999", "2000000"])
def test_a_gap_of_no_use_is_refused(number: str) -> None:
    with pytest.raises(Refusal, match="a gap has 1 to"):
        split_gaps(f"a <gap:{number}> b")


def sentencepiece_with_defaults(folder: Path) -> TextTokenizer:
    """Puts a space before each text and removes others."""
    with (folder / "text.model").open("wb") as out:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TEXTS), model_writer=out, vocab_size=60, hard_vocab_limit=False, minloglevel=2
        )
    return SentencePieceText(str(folder / "text.model"))


def byte_level(folder: Path) -> TextTokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=True), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    return trained(made, trainer, folder)


def metaspace(folder: Path) -> TextTokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    return trained(made, trainers.BpeTrainer(vocab_size=80, show_progress=False), folder)


def wordpiece(folder: Path) -> TextTokenizer:
    """Has no tokens for spaces, so what begins or ends with one may come back otherwise."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=90, special_tokens=["[UNK]"], show_progress=False)
    return trained(made, trainer, folder)


def trained(made: Tokenizer, trainer: Any, folder: Path) -> TextTokenizer:
    made.train_from_iterator(TEXTS, trainer)
    made.save(str(folder / "tokenizer.json"))
    return HuggingFaceText(str(folder / "tokenizer.json"))


KINDS: dict[Callable[[Path], TextTokenizer], set[str]] = {  # and the prompts that it refuses
    sentencepiece_with_defaults: set(),
    byte_level: set(),
    metaspace: set(),
    wordpiece: {"left <gap:2> right"},
}


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("kind", KINDS)
def test_text_around_a_gap_comes_back(kind: Callable[[Path], TextTokenizer], prompt: str, tmp_path: Path) -> None:
    tokenizer, parts = kind(tmp_path), split_gaps(prompt)
    if prompt in KINDS[kind]:
        with pytest.raises(Refusal, match="cannot keep the text beside a gap"):
            encode_with_gaps(tokenizer, parts)
        return
    codes = encode_with_gaps(tokenizer, parts)
    masked = codes == MASKED
    assert masked.sum() == sum(part for part in parts if isinstance(part, int))
    behind = int(np.flatnonzero(masked)[-1]) + 1
    for filling in (tokenizer.encode([word])[0] for word in ("dog", "sees", "able")):
        filled = np.where(masked, int(filling[-1]), codes)
        text, first, last = tokenizer.decode(filled), parts[0], parts[-1]
        assert isinstance(first, int) or text.startswith(first)
        assert text == tokenizer.decode(filled[:behind]) + (last if isinstance(last, str) else "")


def test_text_that_a_tokenizer_folds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot keep the text beside a gap"):
        encode_with_gaps(wordpiece(tmp_path), split_gaps("The dog<gap:1>"))
