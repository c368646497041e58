"""Text tokenizer over a SentencePiece model: one of `sentencepiece_train`, which round-trips exactly, or any other."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import sentencepiece

from ...schemas.errors import Refusal, brief
from ...schemas.identity import bytes_fingerprint, fingerprint
from ..protocol import Codes, Piece
from .gigatoken_encoder import FastModel, load_fast
from .model_file import read_model
from .offsets import concatenate
from .sentencepiece_proto import read_spec

MODEL_FILE = "text.model"
SPACE = "\u2581"  # SentencePiece writes a space as this character, so it cannot distinguish the two
BYTES = 256

# text that every built-in normalisation changes: ligatures, widths, case, accents, tabs, leading and trailing spaces
_PROBE = " \ufb01 \uff21\u2460  \u00c9e\u0301\t\n\u3000 "


class SentencePieceText:
    """A TextTokenizer over a .model file, or a folder with text.model.

    `exact` is True for a model with byte pieces, a piece for the space and no normalisation, which round-trips every
    text. Other models encode and decode as SentencePiece does.

    Raises:
        Refusal: The file is not a SentencePiece model.
    """

    reference = "sentencepiece"

    def __init__(self, path: str) -> None:
        model = read_model(path, MODEL_FILE)
        try:
            self._model = sentencepiece.SentencePieceProcessor()
            self._model.LoadFromSerializedProto(model)
            self.size: int = self._model.vocab_size()
            self._pieces = [self._bytes_of(i) for i in range(self.size)]  # fails if one is not UTF-8
        except (RuntimeError, ValueError) as error:
            raise Refusal(
                f"text tokenizer `{path}`: is not a SentencePiece model ({brief(error, 200)}). "
                "Give a .model file trained by SentencePiece."
            ) from None
        self._file = model
        self.fingerprint = fingerprint("sentencepiece", bytes_fingerprint([model]))
        self.token_bytes = np.fromiter(map(len, self._pieces), np.int32, self.size)
        self._byte_ids = {self._pieces[i]: i for i in range(self.size) if self._model.is_byte(i)}
        self.exact: bool = (
            len(self._byte_ids) == BYTES
            and not self._model.is_unknown(self._model.piece_to_id(SPACE))
            and self._model.normalize(_PROBE) == _PROBE.replace(" ", SPACE)
        )

    @cached_property
    def fast(self) -> FastModel | None:
        """The model in gigatoken: BPE with byte fallback that changes no text and has no pieces of the user's."""
        spec = read_spec(self._file)
        if not spec.bpe or spec.changes_text or spec.suffix or spec.special_pieces or len(self._byte_ids) < BYTES:
            return None
        apart = [*self._reserved_in_texts(), *([SPACE] if self.exact else [])]
        return load_fast(lambda tokenizer: tokenizer.from_sentencepiece(self._file), apart)

    def encode(self, texts: Sequence[str]) -> tuple[Codes, npt.NDArray[np.int64]]:
        """Return the concatenated codes of all texts, and len(texts)+1 offsets into them."""
        arrays = self._arrays(list(texts))
        if self.exact:
            for i, text in enumerate(texts):
                if SPACE in text:
                    arrays[i] = self._with_space_marks(text)
        return concatenate(arrays)

    def pieces(self) -> list[Piece]:
        """What each code stands for."""
        return [(piece, self._model.is_byte(code)) for code, piece in enumerate(self._pieces)]

    def decode(self, codes: npt.ArrayLike) -> str:
        """Decode the codes of a text; incomplete UTF-8 characters become replacement characters."""
        ids = np.asarray(codes).tolist()
        if self.exact:
            return b"".join([self._pieces[i] for i in ids]).decode("utf-8", "replace")
        text: str = self._model.decode(ids)
        return text

    # NumPy output is a quarter faster than lists, since no Python integers are created.
    def _arrays(self, texts: list[str]) -> list[npt.NDArray[np.int32]]:
        arrays: list[npt.NDArray[np.int32]] = self._model.encode(texts, num_threads=1, return_type="numpy")
        return arrays

    def _with_space_marks(self, text: str) -> npt.NDArray[np.int32]:
        mark = np.array([self._byte_ids[bytes([byte])] for byte in SPACE.encode()], np.int32)
        first, *rest = self._arrays(text.split(SPACE))
        return np.concatenate([first, *(part for after in rest for part in (mark, after))])

    def _reserved_in_texts(self) -> list[str]:
        """Return pieces that SentencePiece never finds in a text, but gigatoken might."""
        names = [self._model.id_to_piece(i) for i in range(self.size)]
        known = set(names)
        # it always finds a control piece, and the others where it can merge two pieces to one
        return [
            name
            for i, name in enumerate(names)
            if self._model.is_control(i)
            or (
                (self._model.is_unknown(i) or self._model.is_byte(i))
                and any(name[:at] in known and name[at:] in known for at in range(1, len(name)))
            )
        ]

    def _bytes_of(self, i: int) -> bytes:
        if self._model.is_control(i) or self._model.is_unknown(i):
            return b""
        piece: str = self._model.id_to_piece(i)
        if self._model.is_byte(i):
            return bytes([int(piece[1:-1], 16)])
        return piece.replace(SPACE, " ").encode()
