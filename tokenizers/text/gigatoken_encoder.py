"""Encoding of Arrow columns by gigatoken, from Arrow's buffers to NumPy arrays, without a Python object for each text.

gigatoken gives the ids of the libraries that define the tokenizers (SentencePiece, tokenizers, tiktoken), several times
faster. Those libraries stay the reference: a tokenizer offers gigatoken only for kinds of models for which the ids were
compared for every code point, and `agrees` compares the ids of the model at hand.
"""

import importlib.metadata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..protocol import Codes, TextTokenizer

RENEW_BYTES = 1 << 30  # bytes of text after which a model is loaded again, since it remembers every word it has met
Encoded = tuple[Codes, npt.NDArray[np.int64]]

# one code point of every range that some rule of a tokenizer treats alike, each between letters, digits and spaces
_STEP = 331
_PROBES = (
    *(" " * count for count in range(1, 20)),
    *("\n" * count + " x" for count in range(4)),
    *("\t \t", "\r\n \n", "a  b   c", " lead", "trail ", "\0", "a\0b", "\u2581", "a\u2581 \u2581b", "\u2585"),
    *("'s 'S 'll 'LL 've", "can't CAN'T", "123456789 12a 1.5", "x" * 300, "e\u0301\u00e9 \ufb01 \uff21\u2460"),
    *("\u00a0\u0301", "\u3000\u2028\u200b\ufeff", "\U0001f468\u200d\U0001f469", "\u05d0\u0627\u0939\u093f\u65e5\u672c"),
    *("<s></s><unk><0x41><|endoftext|>", "\u0130I\u0131\u1e9e", "a\u0300\u0327b", "\u1100\u1161\u11a8\uac01"),
    *(f"a{chr(c)}b {chr(c)}1{chr(c)}. {chr(c)}A" for c in range(0x80, 0x110000, _STEP) if not 0xD800 <= c < 0xE000),
)


class FastModel:
    """A model in gigatoken, and the strings whose texts the reference has to encode."""

    def __init__(self, load: Callable[[], Any], apart: Sequence[str] = ()) -> None:
        """Load the model.

        Args:
            load: Returns the `gigatoken.Tokenizer`.
            apart: Strings whose texts the reference has to encode.
        """
        self._load = load
        self._encoded = 0
        self.model = load()
        self.apart = tuple(apart)

    def encode(self, texts: pa.LargeStringArray) -> Encoded:
        """Encode all texts, including those with a string of `apart`."""
        import awkward as ak

        offsets, characters = _buffers(texts)
        if self._encoded > RENEW_BYTES:
            self.model, self._encoded = self._load(), 0
        self._encoded += int(offsets[-1] - offsets[0])
        content = ak.contents.NumpyArray(characters, parameters={"__array__": "char"})
        column = ak.contents.ListOffsetArray(ak.index.Index64(offsets), content, parameters={"__array__": "string"})
        # workers are processes of their own, each with one core
        out = self.model.encode_batch(ak.Array(column), parallel=False).layout
        ends = np.asarray(out.offsets.data)
        return np.asarray(out.content.data)[ends[0] : ends[-1]], ends - ends[0]


def load_fast(load: Callable[[Any], Any], apart: Sequence[str] = ()) -> FastModel | None:
    """Load a model into gigatoken.

    Args:
        load: Returns the tokenizer, given the class `gigatoken.Tokenizer`.
        apart: Strings whose texts the reference has to encode.

    Returns:
        The model; None if gigatoken is missing or does not take it.
    """
    try:
        from gigatoken import Tokenizer

        return FastModel(lambda: load(Tokenizer), apart)
    except Exception:  # it has no wheel for this machine, or its parsers refuse the model
        return None


def encode_column(tokenizer: TextTokenizer, texts: pa.ChunkedArray | pa.Array, *, fast: bool) -> Encoded:
    """Encode a column of texts.

    Args:
        tokenizer: The tokenizer.
        texts: Strings without nulls.
        fast: Use gigatoken if the tokenizer offers it; the caller knows that they agree.

    Returns:
        The concatenated codes of all texts, and len(texts)+1 offsets into them.
    """
    model = tokenizer.fast if fast else None
    if model is None:
        return tokenizer.encode(texts.to_pylist())
    column = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    column = column.cast(pa.large_string())
    codes, offsets = model.encode(column)
    apart = _containing(column, model.apart)
    return (codes, offsets) if not apart.size else _replaced(tokenizer, column, apart, codes, offsets)


def _buffers(texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Return the offsets of the texts and their UTF-8 bytes, as views."""
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = texts.buffers()[2]
    return offsets, np.frombuffer(data, np.uint8) if data is not None and data.size else np.empty(0, np.uint8)


def _containing(texts: pa.LargeStringArray, strings: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the indices of the texts that contain one of the strings, and of a few that only end with its start."""
    found = [np.empty(0, np.int64)]
    for string in strings if len(texts) else ():
        offsets, data = _buffers(texts)
        first, *rest = string.encode()
        hits = offsets[0] + np.flatnonzero(data[offsets[0] : max(offsets[-1] - len(rest), offsets[0])] == first)
        for place, byte in enumerate(rest, 1):
            hits = hits[data[hits + place] == byte]
        found.append(np.searchsorted(offsets, hits, side="right") - 1)
    return np.unique(np.concatenate(found))


def _replaced(
    tokenizer: TextTokenizer, column: pa.LargeStringArray, apart: npt.NDArray[np.int64], codes: Codes, offsets: Any
) -> Encoded:
    """Replace the codes of the texts at the indices `apart` by those of the reference."""
    theirs, ends = tokenizer.encode(column.take(pa.array(apart)).to_pylist())
    lengths = np.diff(offsets)
    pieces = []
    after = 0
    for number, index in enumerate(apart.tolist()):
        pieces += [codes[offsets[after] : offsets[index]], theirs[ends[number] : ends[number + 1]]]
        after = index + 1
    lengths[apart] = np.diff(ends)
    return np.concatenate([*pieces, codes[offsets[after] :]]), np.concatenate([[0], np.cumsum(lengths)])


def agrees(tokenizer: TextTokenizer, texts: pa.ChunkedArray | pa.Array) -> bool:
    """True if gigatoken takes the model and gives the ids of the reference for the texts and for awkward strings."""
    if tokenizer.fast is None:
        return False
    for column in (pa.array(_PROBES), texts):
        codes, offsets = tokenizer.encode(column.to_pylist())
        found, ends = encode_column(tokenizer, column, fast=True)
        if not (np.array_equal(codes, found) and np.array_equal(offsets, ends)):
            return False
    return True


def encoder_name(tokenizer: TextTokenizer, *, fast: bool) -> str:
    """Return the library that encodes, with its version."""
    library = "gigatoken" if fast and tokenizer.fast is not None else tokenizer.reference
    return f"{library} {importlib.metadata.version(library)}"
