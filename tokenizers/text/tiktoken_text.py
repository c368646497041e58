"""Text tokenizer over a tiktoken rank file: byte-level BPE, which round-trips every text."""

import base64
import binascii
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tiktoken

from ...schemas.errors import Refusal
from ...schemas.identity import bytes_fingerprint, fingerprint
from ..protocol import Codes, Piece
from .gigatoken_encoder import FastModel, load_fast
from .model_file import read_model, require_ids_fit
from .offsets import concatenate

MODEL_FILE = "text.tiktoken"

# Regular expressions by which each vocabulary splits text, from tiktoken (tiktoken_ext/openai_public.py, MIT).
PATTERNS = {
    "gpt2": r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s""",
    "cl100k_base": (
        r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$"""
        r"""|\s*[\r\n]|\s+(?!\S)|\s"""
    ),
    "o200k_base": (
        r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
        r"""|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
        r"""|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
    ),
}

# what gigatoken calls them
_NAMES = {"gpt2": "gpt2", "cl100k_base": "gpt4", "o200k_base": "o200k"}


class TiktokenText:
    """A TextTokenizer over a .tiktoken file, or a folder with text.tiktoken, and the name of its split pattern.

    Special tokens are not recognised: `<|endoftext|>` in a text is plain text.

    Raises:
        Refusal: The file is not a rank file.
    """

    reference = "tiktoken"

    def __init__(self, path: str, pattern: str) -> None:
        data = read_model(path, MODEL_FILE)
        ranks = parse_ranks(data, path)
        self._file, self._pattern = data, pattern
        self._model = tiktoken.Encoding(
            f"{pattern} at {path}", pat_str=PATTERNS[pattern], mergeable_ranks=ranks, special_tokens={}
        )
        self.size = max(ranks.values()) + 1
        self.fingerprint = fingerprint("tiktoken", PATTERNS[pattern], bytes_fingerprint([data]))
        self.token_bytes = np.zeros(self.size, np.int32)
        self.token_bytes[list(ranks.values())] = [len(piece) for piece in ranks]

    @cached_property
    def fast(self) -> FastModel | None:
        """The model in gigatoken."""
        return load_fast(self._gigatoken)

    def _gigatoken(self, tokenizer: Any) -> Any:
        with tempfile.TemporaryDirectory(prefix="triptych-") as folder:
            file = Path(folder) / MODEL_FILE
            file.write_bytes(self._file)
            # an empty dict: no special tokens, as in `encode`
            return tokenizer.from_tiktoken(file, _NAMES[self._pattern], {})

    def encode(self, texts: Sequence[str]) -> tuple[Codes, npt.NDArray[np.int64]]:
        """Return the concatenated codes of all texts, and len(texts)+1 offsets into them."""
        # one by one: takes less CPU time than tiktoken's batch call and its arrays
        return concatenate([np.array(self._model.encode_ordinary(text), np.uint32) for text in texts])

    def pieces(self) -> list[Piece]:
        """What each code stands for."""
        ranks = {rank: piece for piece, rank in parse_ranks(self._file, "text.tiktoken").items()}
        return [(ranks.get(code, b""), False) for code in range(self.size)]

    def decode(self, codes: npt.ArrayLike) -> str:
        """Decode the codes of a text; incomplete UTF-8 characters become replacement characters."""
        return self._model.decode(np.asarray(codes).tolist())


def parse_ranks(data: bytes, path: str) -> dict[bytes, int]:
    """Parse the lines of a rank file, each a base64 piece and its rank.

    Raises:
        Refusal: A line is malformed or the ranks cannot encode every text; the message names `path`.
    """
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            piece, rank = line.split()
            ranks[base64.b64decode(piece, validate=True)] = int(rank)
        except (ValueError, binascii.Error):
            raise Refusal(
                f"text tokenizer `{path}`: line {number} is not a base64 piece and a rank, as in a tiktoken file. "
                "Give a .tiktoken file."
            ) from None
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing or len(set(ranks.values())) < len(ranks) or min(ranks.values()) < 0:
        why = f"byte {missing[0]} has no rank" if missing else "two pieces share a rank, or one is negative"
        raise Refusal(f"text tokenizer `{path}`: {why}, so it cannot encode every text. Copy the file again.")
    require_ids_fit(path, max(ranks.values()), len(ranks))
    return ranks
