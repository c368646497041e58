"""Small text tokenizers of every kind: exact ones, and those that fold, drop spaces or have unknown characters."""

import base64
import io
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from triptych.schemas.config.tokenizers import SentencePieceConfig
from triptych.tokenizers.protocol import TextTokenizer
from triptych.tokenizers.text.huggingface_text import HuggingFaceText
from triptych.tokenizers.text.sentencepiece_text import SentencePieceText
from triptych.tokenizers.text.sentencepiece_train import train_sentencepiece
from triptych.tokenizers.text.tiktoken_text import TiktokenText

TEXTS = [
    "the old dog sees a red house, unable to name the names of things",
    "naming and renaming: an unnamed river under the snow, then the dogs and houses again",
    "The Cat is able. It sees 12 trees and 120 stones in the morning light of the night",
] * 8
KINDS = ("exact bpe", "exact unigram", "spm bpe", "spm unigram", "byte-level", "wordpiece", "tiktoken")


def make_tokenizer(kind: str, folder: Path) -> TextTokenizer:
    """Train a tokenizer of a kind in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    family, _, model = kind.partition(" ")
    if family == "exact":
        train_sentencepiece(
            TEXTS, SentencePieceConfig.model_validate({"model": model, "vocab_size": 400}), folder, seed=0
        )
        return SentencePieceText(str(folder))
    if family == "spm":
        return _default_sentencepiece(model, folder)
    if family == "wordpiece":
        return _wordpiece(folder)
    return _byte_level(folder, tiktoken=family == "tiktoken")


def _default_sentencepiece(model: str, folder: Path) -> SentencePieceText:
    """As SentencePiece trains it: normalised, with a space before the text, and unknown characters."""
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS),
        model_writer=file,
        model_type=model,
        vocab_size=120,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "text.model").write_bytes(file.getvalue())
    return SentencePieceText(str(folder))


def _wordpiece(folder: Path) -> HuggingFaceText:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer, made.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=["[UNK]"], show_progress=False)
    made.train_from_iterator(TEXTS, trainer)
    made.save(str(folder / "tokenizer.json"))
    return HuggingFaceText(str(folder))


def _byte_level(folder: Path, tiktoken: bool) -> HuggingFaceText | TiktokenText:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False))
    if not tiktoken:
        made.save(str(folder / "tokenizer.json"))
        return HuggingFaceText(str(folder))
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]  # GPT-2's characters for bytes
    hidden = [byte for byte in range(256) if byte not in visible]
    raw = {chr(byte): byte for byte in visible} | {chr(256 + at): byte for at, byte in enumerate(hidden)}
    lines = [
        f"{base64.b64encode(bytes(raw[character] for character in piece)).decode()} {rank}\n"
        for piece, rank in sorted(made.get_vocab().items(), key=lambda entry: entry[1])
    ]
    (folder / "text.tiktoken").write_text("".join(lines))
    return TiktokenText(str(folder), "cl100k_base")
