"""Text tokenizer over a Hugging Face tokenizer.json. Byte-level ones without normalisation round-trip exactly."""

import json
import os
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from ...schemas.errors import Refusal, brief
from ...schemas.identity import bytes_fingerprint, fingerprint, parse_json
from ..protocol import Codes, Piece
from ..quiet import quiet_stderr
from .gigatoken_encoder import FastModel, load_fast
from .model_file import read_model, require_ids_fit
from .offsets import concatenate
from .pattern_time import endless_pattern, require_patterns_end
from .sentencepiece_text import SPACE

MODEL_FILE = "tokenizer.json"
BATCH = 256  # texts; limits memory, since an encoding holds a string and offsets for every token

_BYTE_PIECE = re.compile("<0x([0-9A-Fa-f]{2})>")  # as the decoder ByteFallback writes a byte

# its threads do not change ids, and a run already has a worker on every core
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


class HuggingFaceText:
    """A TextTokenizer over a tokenizer.json file, or a folder with one.

    Truncation and padding are off, and special tokens are neither added nor recognised: `<s>` in a text is plain text.

    Raises:
        Refusal: The file is not a tokenizer.json, or a regular expression of it takes for ever.
    """

    reference = "tokenizers"

    def __init__(self, path: str) -> None:
        data = read_model(path, MODEL_FILE)
        require_patterns_end(data, path)
        try:
            self._model: Any = Tokenizer.from_buffer(data)
        except Exception as error:  # the library raises no narrower class
            raise Refusal(
                f"text tokenizer `{path}`: is not a tokenizer.json ({brief(error, 200)}). "
                "Give a file saved by the `tokenizers` library."
            ) from None
        self._path = path
        self._model.no_truncation()
        self._model.no_padding()
        self._model.encode_special_tokens = True
        self._tree: dict[str, Any] = parse_json(data)
        vocabulary: dict[str, int] = self._model.get_vocab(with_added_tokens=True)
        self.size = max(vocabulary.values(), default=-1) + 1
        require_ids_fit(path, self.size - 1, len(vocabulary))
        self.fingerprint = fingerprint("huggingface", bytes_fingerprint([data]))
        self.token_bytes = np.zeros(self.size, np.int32)
        kinds = _types(self._tree.get("decoder"))
        for piece, i in vocabulary.items():
            self.token_bytes[i] = _length(piece, kinds)
        for i, added in self._model.get_added_tokens_decoder().items():
            self.token_bytes[i] = 0 if added.special else len(added.content.encode())

    @cached_property
    def fast(self) -> FastModel | None:
        """The model in gigatoken: byte-level BPE, as it is or after NFC, whose added tokens are plain strings."""
        tree = self._tree | {"truncation": None, "padding": None, "post_processor": None}
        # special tokens are text here; gigatoken would recognise them
        tree["added_tokens"] = [token for token in tree.get("added_tokens") or [] if not token["special"]]
        normalizer = (tree.get("normalizer") or {}).get("type")
        # gigatoken finds added tokens in the text as it is, also those that are meant to be found after normalisation
        flags = ("lstrip", "rstrip", "single_word", *(["normalized"] if normalizer else []))
        plain = not any(token[flag] for token in tree["added_tokens"] for flag in flags)
        byte_level = "ByteLevel" in _types(tree.get("pre_tokenizer"), "pretokenizers")
        if not (tree["model"].get("type") == "BPE" and byte_level and plain and normalizer in (None, "NFC")):
            return None
        return load_fast(lambda tokenizer: tokenizer.from_json(json.dumps(tree)))

    def encode(self, texts: Sequence[str]) -> tuple[Codes, npt.NDArray[np.int64]]:
        """Return the concatenated codes of all texts, and len(texts)+1 offsets into them."""
        codes: list[Codes] = []
        for start in range(0, len(texts), BATCH):
            encodings = self._encoded(list(texts[start : start + BATCH]))
            codes += [np.array(encoding.ids, np.uint32) for encoding in encodings]
        return concatenate(codes)

    def _encoded(self, texts: list[str]) -> list[Any]:
        try:
            with quiet_stderr():  # where a panic of the library prints itself
                encodings: list[Any] = self._model.encode_batch_fast(texts, add_special_tokens=False)
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # it is no Exception, and has no importable class
                raise
            raise endless_pattern(self._path, str(error)) from None
        return encodings

    def pieces(self) -> list[Piece]:
        """What each code stands for."""
        kinds, found = _types(self._tree.get("decoder")), [(b"", False)] * self.size
        for piece, code in self._model.get_vocab(with_added_tokens=True).items():
            found[code] = _piece(piece, kinds)
        for code, added in self._model.get_added_tokens_decoder().items():
            found[code] = (b"" if added.special else added.content.encode(), False)
        return found

    def decode(self, codes: npt.ArrayLike) -> str:
        """Decode the codes of a text; incomplete UTF-8 characters become replacement characters."""
        text: str = self._model.decode(np.asarray(codes).tolist(), skip_special_tokens=False)
        return text


def _types(node: Any, steps: str = "decoders") -> set[str]:
    # a decoder or pretokenizer is one step, or a Sequence of steps
    if not isinstance(node, dict):
        return set()
    return {str(node.get("type"))}.union(*(_types(step, steps) for step in node.get(steps, [])))


def _piece(piece: str, kinds: set[str]) -> Piece:
    """Return what a piece stands for, given the types of its decoder's steps."""
    if "ByteLevel" in kinds:
        known = all(letter in _BYTES for letter in piece)
        return (bytes(_BYTES[letter] for letter in piece) if known else piece.encode(), False)
    if "ByteFallback" in kinds and (byte := _BYTE_PIECE.fullmatch(piece)):
        return bytes.fromhex(byte[1]), True
    return piece.replace(SPACE, " ").encode(), False


def _byte_letters() -> dict[str, int]:
    """The letter by which byte-level pieces write each byte: printable ones stand for themselves."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + at): byte for at, byte in enumerate(others)}


_BYTES = _byte_letters()


def _length(piece: str, kinds: set[str]) -> int:
    """Return the number of UTF-8 bytes of a piece, given the types of its decoder's steps."""
    if "ByteLevel" in kinds:
        return len(piece)  # byte-level pieces have one character per byte
    if "ByteFallback" in kinds and _BYTE_PIECE.fullmatch(piece):
        return 1
    if "WordPiece" in kinds:
        piece = piece.removeprefix("##")
    return len(piece.replace(SPACE, " ").encode())
