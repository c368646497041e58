"""Real text and real models: Python's own manual, and tokenizers trained on it in the formats that are read."""

import base64
from pathlib import Path
from pydoc_data.topics import topics

import pytest
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from triptych.schemas.config.tokenizers import SentencePieceConfig
from triptych.tokenizers.text.sentencepiece_train import train_sentencepiece

# what SentencePiece or a byte-level BPE could stumble over
AWKWARD = [
    "\u2581",
    "a\u2581b \u2581\u2581 ",
    "\u2585\u2585",
    "\0",
    "a\0b\x01\x1f\x7f",
    " ",
    "  two  spaces ",
    "\t\ttabs\t",
    "\n",
    "\r\n\n\rlines\n",
    "\u00a0\u3000\u2028\u200b\ufeff",
    "\ufb01 \uff21\u2460 e\u0301\u00e9",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\ue000\uf8ff\U0010fffd",
    "\ufffe\uffff\ufdd0\U0001ffff\U0010ffff\ufffd",
    "<unk><s></s><0x41><|endoftext|>",
    "\u65e5\u672c\u8a9e \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0939\u093f\u0928\u094d\u0926\u0940",
    "",
]

any_text = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\u2581\u2585 \t\n\0\ufffda")))


@pytest.fixture(scope="session")
def manual() -> list[str]:
    return [topics[name] for name in sorted(topics)][:25]


@pytest.fixture(scope="session")
def trained(manual: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sentencepiece")
    train_sentencepiece(manual, SentencePieceConfig(vocab_size=1000), folder, seed=0)
    return folder


@pytest.fixture(scope="session")
def byte_level(manual: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level BPE as tokenizer.json, and the same pieces as text.tiktoken."""
    folder = tmp_path_factory.mktemp("byte-level")
    model = Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, show_progress=False)
    model.train_from_iterator(manual, trainer)
    vocabulary = model.get_vocab()  # without <pad>, which tiktoken's file has no place for
    model.add_special_tokens(["<pad>"])
    model.enable_truncation(8)
    model.enable_padding(pad_id=len(vocabulary), pad_token="<pad>")
    model.save(str(folder / "tokenizer.json"))
    lines = [
        f"{base64.b64encode(_raw(piece)).decode()} {rank}"
        for piece, rank in sorted(vocabulary.items(), key=lambda i: i[1])
    ]
    (folder / "text.tiktoken").write_text("\n".join(lines) + "\n")
    return folder


def _raw(piece: str) -> bytes:
    # GPT-2's alphabet: printable Latin-1 stands for itself, the other bytes follow from U+0100 on
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    alphabet = {chr(byte): byte for byte in plain} | {chr(0x100 + i): byte for i, byte in enumerate(others)}
    return bytes(alphabet[character] for character in piece)
