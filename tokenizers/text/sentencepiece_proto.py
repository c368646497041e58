"""Properties of a SentencePiece model that its Python interface lacks: normalisation, and the pieces of users.

The file is a protocol buffer, whose fields are documented in SentencePiece's src/sentencepiece_model.proto. Its own
generated reader needs a version of protobuf that not every library here takes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_TYPE = 3  # of a piece
_MODEL_TYPE = 3  # of the trainer
_CHARSMAP, _EXTRA_WHITESPACE, _ESCAPE_WHITESPACE = 2, 4, 5  # of the normalizer
_WHITESPACE_AS_SUFFIX = 24  # of the trainer
_BPE, _USER_DEFINED, _UNUSED = 2, 4, 5
_USER_FIELD, _UNUSED_FIELD = bytes([_TYPE << 3, _USER_DEFINED]), bytes([_TYPE << 3, _UNUSED])


@dataclass(frozen=True)
class SentencePieceSpec:
    """Properties of a model."""

    bpe: bool
    changes_text: bool  # normalises characters, or removes, or does not mark, whitespace
    suffix: bool  # a space belongs to the word before it
    special_pieces: bool  # has pieces that users defined, or unused ones


def read_spec(model: bytes) -> SentencePieceSpec:
    """Read a serialized SentencePiece model.

    Raises:
        ValueError: It is not a protocol buffer.
    """
    parts: dict[int, list[bytes]] = {_PIECES: [], _TRAINER: [b""], _NORMALIZER: [b""]}
    for field, value in _fields(model):
        if field in parts and isinstance(value, bytes):
            parts[field].append(value)
    trainer, normalizer = (dict(_fields(parts[field][-1])) for field in (_TRAINER, _NORMALIZER))
    return SentencePieceSpec(
        bpe=trainer.get(_MODEL_TYPE, 1) == _BPE,
        changes_text=bool(normalizer.get(_CHARSMAP, b""))
        or bool(normalizer.get(_EXTRA_WHITESPACE, 1))
        or not normalizer.get(_ESCAPE_WHITESPACE, 1),
        suffix=bool(trainer.get(_WHITESPACE_AS_SUFFIX, 0)),
        # the bytes of the field are looked for first, since a vocabulary has many pieces
        special_pieces=any(
            dict(_fields(piece)).get(_TYPE, 1) in (_USER_DEFINED, _UNUSED)
            for piece in parts[_PIECES]
            if _USER_FIELD in piece or _UNUSED_FIELD in piece
        ),
    )


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (field number, value) of a message: integers, or the bytes of everything else."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value: int | bytes
            value, at = _varint(message, at)
        elif kind in (1, 2, 5):
            size, at = _varint(message, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = message[at : at + size], at + size
        else:
            raise ValueError(f"wire type {kind}")
        yield key >> 3, value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message):
            raise ValueError("ends within a number")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
