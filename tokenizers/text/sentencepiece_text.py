"""Text by a SentencePiece model: one trained by `sentencepiece_train`, where every text comes back, or any other."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import sentencepiece

from ...schemas.errors import Refusal
from ...schemas.identity import bytes_fingerprint, fingerprint
from ..protocol import Codes
from .model_file import read_model
from .offsets import concatenate

MODEL_FILE = "text.model"
SPACE = "\u2581"  # SentencePiece writes a space as this character, and so cannot tell the two apart
BYTES = 256

# what each of SentencePiece's own normalisations changes: ligatures, widths, case, accents, tabs, outer spaces
_PROBE = " \ufb01 \uff21\u2460  \u00c9e\u0301\t\n\u3000 "


class SentencePieceText:
    """A TextTokenizer over a .model file, or a folder that holds text.model; raises Refusal when it is none.

    `exact` is True for a model with byte pieces, a piece for the space and no normalisation: every text comes
    back as it was. Other models encode and decode as SentencePiece does.
    """

    def __init__(self, path: str) -> None:
        model = read_model(path, MODEL_FILE)
        try:
            self._model = sentencepiece.SentencePieceProcessor()
            self._model.LoadFromSerializedProto(model)
            self.size: int = self._model.vocab_size()
        except (RuntimeError, ValueError) as error:
            raise Refusal(
                f"text tokenizer `{path}`: is no SentencePiece model ({' '.join(str(error).split())[:200]}). "
                "Give a .model file that SentencePiece trained."
            ) from None
        self.fingerprint = fingerprint("sentencepiece", bytes_fingerprint([model]))
        self._pieces = [self._bytes_of(i) for i in range(self.size)]
        self.token_bytes = np.fromiter(map(len, self._pieces), np.int32, self.size)
        self._byte_ids = {self._pieces[i]: i for i in range(self.size) if self._model.is_byte(i)}
        self.exact: bool = (
            len(self._byte_ids) == BYTES
            and not self._model.is_unknown(self._model.piece_to_id(SPACE))
            and self._model.normalize(_PROBE) == _PROBE.replace(" ", SPACE)
        )

    def encode(self, texts: Sequence[str]) -> tuple[Codes, npt.NDArray[np.int64]]:
        """Concatenated codes of all texts, and len(texts)+1 offsets into them."""
        arrays = self._arrays(list(texts))
        if self.exact:
            for i, text in enumerate(texts):
                if SPACE in text:
                    arrays[i] = self._with_space_marks(text)
        return concatenate(arrays)

    def decode(self, codes: npt.ArrayLike) -> str:
        """The text of a run of codes; a piece that cuts a character decodes with replacement marks."""
        ids = np.asarray(codes).tolist()
        if self.exact:
            return b"".join([self._pieces[i] for i in ids]).decode("utf-8", "replace")
        text: str = self._model.decode(ids)
        return text

    # Arrays rather than lists of ids: a quarter faster, since no Python integers are made.
    def _arrays(self, texts: list[str]) -> list[npt.NDArray[np.int32]]:
        arrays: list[npt.NDArray[np.int32]] = self._model.encode(texts, num_threads=1, return_type="numpy")
        return arrays

    def _with_space_marks(self, text: str) -> npt.NDArray[np.int32]:
        mark = np.array([self._byte_ids[bytes([byte])] for byte in SPACE.encode()], np.int32)
        first, *rest = self._arrays(text.split(SPACE))
        return np.concatenate([first, *(part for after in rest for part in (mark, after))])

    def _bytes_of(self, i: int) -> bytes:
        if self._model.is_control(i) or self._model.is_unknown(i):
            return b""
        piece: str = self._model.id_to_piece(i)
        if self._model.is_byte(i):
            return bytes([int(piece[1:-1], 16)])
        return piece.replace(SPACE, " ").encode()
