"""The text tokenizer of a Triptych model for the transformers library; its ids are those of the model.

An export holds a copy of this file, so it imports nothing of Triptych. The ids are those of tokenizers/text, which are
compared by a test, plus the offset of the text slice. Special tokens in a text are plain text.
"""

import base64
import importlib
import shutil
from pathlib import Path
from typing import Any, Protocol

from transformers import PreTrainedTokenizer

FILE = "text.vocabulary"  # transformers takes names that end in `tokenizer.model` for another kind of file
SPACE = "\u2581"  # SentencePiece writes a space as this character
NAMES = {"pad_token": "<triptych:pad>", "mask_token": "<triptych:mask>", "eos_token": "<triptych:eos>"}  # ids 0, 1, 2


class Codes(Protocol):
    """A text tokenizer whose codes are counted from 0."""

    names: list[str]

    def encode(self, text: str) -> list[int]:
        """Codes of a text."""
        ...

    def decode(self, codes: list[int]) -> str:
        """Text of codes."""
        ...


class TriptychTokenizer(PreTrainedTokenizer):
    """Converts texts to ids and back.

    Args:
        vocab_file: A SentencePiece model, a tokenizer.json or a tiktoken file.
        kind: `sentencepiece`, `huggingface` or `tiktoken`.
        offset: First id of the text slice.
        pattern: Regular expression by which a tiktoken vocabulary splits text.
        **kwargs: Of the base class.
    """

    vocab_files_names = {"vocab_file": FILE}  # noqa: RUF012 -- as transformers has it
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012

    def __init__(
        self, vocab_file: str, kind: str = "sentencepiece", offset: int = 256, pattern: str | None = None, **kwargs: Any
    ) -> None:
        self.vocab_file, self.kind, self.offset, self.pattern = vocab_file, kind, offset, pattern
        self._codes = codes_of(kind, Path(vocab_file).read_bytes(), pattern)
        names = list(NAMES.values())
        self._ids = {name: code + offset for code, name in enumerate(self._codes.names)}
        self._ids |= {name: names.index(name) for name in names}
        self._names = {number: name for name, number in self._ids.items()}
        for key in ("kind", "offset", "pattern"):
            kwargs.pop(key, None)
        settings = {**NAMES, "split_special_tokens": True, "special_tokens_pattern": "none", **kwargs}
        super().__init__(kind=kind, offset=offset, pattern=pattern, **settings)  # type: ignore[no-untyped-call]

    @property
    def vocab_size(self) -> int:
        """Number of ids up to the last one of a text."""
        return self.offset + len(self._codes.names)

    def get_vocab(self) -> dict[str, int]:
        """Ids of all names of tokens."""
        return dict(self._ids)

    def _tokenize(self, text: str, **unused: Any) -> list[str]:
        return [self._codes.names[code] for code in self._codes.encode(text)]

    def _convert_token_to_id(self, token: str) -> int | None:
        return self._ids.get(token)

    def _convert_id_to_token(self, index: int) -> str:
        return self._names.get(index, f"<triptych:id {index}>")

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text of tokens, without those that are none of a text."""
        ids = [self._ids.get(token, 0) for token in tokens]
        return self._codes.decode([number - self.offset for number in ids if number >= self.offset])

    def _decode(
        self,
        token_ids: int | list[int],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> str:
        ids = [token_ids] if isinstance(token_ids, int) else list(token_ids)
        return self.convert_tokens_to_string([self._convert_id_to_token(int(number)) for number in ids])

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str]:
        """Copy the model file to a folder."""
        to = Path(save_directory) / ((filename_prefix + "-" if filename_prefix else "") + FILE)
        if to.resolve() != Path(self.vocab_file).resolve():
            shutil.copyfile(self.vocab_file, to)
        return (str(to),)


def codes_of(kind: str, data: bytes, pattern: str | None) -> Codes:
    """Open the tokenizer of a kind."""
    if kind == "sentencepiece":
        return SentencePieceCodes(data)
    return TiktokenCodes(data, pattern or "") if kind == "tiktoken" else TokenizerCodes(data)


class SentencePieceCodes:
    """A SentencePiece model; one that Triptych trained encodes every text exactly, also one with marks of spaces."""

    def __init__(self, data: bytes) -> None:
        self._model = importlib.import_module("sentencepiece").SentencePieceProcessor(model_proto=data)
        count = self._model.vocab_size()
        self.names = [self._model.id_to_piece(code) for code in range(count)]
        self._bytes = [self._bytes_of(code) for code in range(count)]
        self._single = {self._bytes[code]: code for code in range(count) if self._model.is_byte(code)}
        probe = " \ufb01 \uff21\u2460  \u00c9e\u0301\t\n\u3000 "  # every normalisation changes it
        known = not self._model.is_unknown(self._model.piece_to_id(SPACE))
        self._exact = len(self._single) == 256 and known and self._model.normalize(probe) == probe.replace(" ", SPACE)

    def encode(self, text: str) -> list[int]:
        """Codes of a text."""
        if not (self._exact and SPACE in text):
            codes: list[int] = self._model.encode(text)
            return codes
        mark = [self._single[bytes([byte])] for byte in SPACE.encode()]
        first, *rest = (self._model.encode(part) for part in text.split(SPACE))
        return [*first, *(code for part in rest for code in [*mark, *part])]

    def decode(self, codes: list[int]) -> str:
        """Text of codes."""
        if self._exact:
            return b"".join(self._bytes[code] for code in codes).decode("utf-8", "replace")
        text: str = self._model.decode(codes)
        return text

    def _bytes_of(self, code: int) -> bytes:
        if self._model.is_control(code) or self._model.is_unknown(code):
            return b""
        piece: str = self._model.id_to_piece(code)
        return bytes([int(piece[1:-1], 16)]) if self._model.is_byte(code) else piece.replace(SPACE, " ").encode()


class TokenizerCodes:
    """A tokenizer.json."""

    def __init__(self, data: bytes) -> None:
        self._model = importlib.import_module("tokenizers").Tokenizer.from_buffer(data)
        self._model.no_truncation()
        self._model.no_padding()
        self._model.encode_special_tokens = True
        ids = self._model.get_vocab(with_added_tokens=True)
        names = {code: name for name, code in ids.items()}
        self.names = [names.get(code, f"<triptych:{code}>") for code in range(max(names) + 1)]

    def encode(self, text: str) -> list[int]:
        """Codes of a text."""
        codes: list[int] = self._model.encode(text, add_special_tokens=False).ids
        return codes

    def decode(self, codes: list[int]) -> str:
        """Text of codes."""
        text: str = self._model.decode(codes, skip_special_tokens=False)
        return text


class TiktokenCodes:
    """A tiktoken file; the name of a token has a character for each of its bytes."""

    def __init__(self, data: bytes, pattern: str) -> None:
        pairs = (line.split() for line in data.splitlines() if line.strip())
        ranks = {base64.b64decode(piece): int(rank) for piece, rank in pairs}
        self._model = importlib.import_module("tiktoken").Encoding(
            "text", pat_str=pattern, mergeable_ranks=ranks, special_tokens={}
        )
        names = {rank: piece.decode("latin-1") for piece, rank in ranks.items()}
        self.names = [names.get(code, f"<triptych:{code}>") for code in range(max(names) + 1)]

    def encode(self, text: str) -> list[int]:
        """Codes of a text."""
        codes: list[int] = self._model.encode_ordinary(text)
        return codes

    def decode(self, codes: list[int]) -> str:
        """Text of codes."""
        text: str = self._model.decode(codes)
        return text
