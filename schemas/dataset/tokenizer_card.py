"""The card of a tokenizer: its properties, so that other parts of a run need not load it."""

from typing import Any, Literal, Self

from pydantic import Field, PositiveInt

from ..base import Strict
from ..errors import Refusal
from ..vocabulary import Modality, Vocabulary
from .file_names import FileName

CARD = "card.json"


class Card(Strict):
    """Sizes and identity of one tokenizer."""

    modality: str
    config: dict[str, Any]
    fingerprint: str
    sizes: tuple[PositiveInt, ...]  # entries of each codebook; a text tokenizer has one
    tokens: PositiveInt | None = None  # tokens per image
    sample_rate: PositiveInt | None = None
    frame_rate: float | None = None
    files: Literal["."] | FileName | None = Field(
        None, description="The tokenizer's files within the folder, `.` for all; null when it is loaded from a hub"
    )

    def located(self, folder: str | None) -> Self:
        """The card of the same tokenizer in this folder of a dataset; None: on a hub, whose name for it stays."""
        if folder is None or self.config.get("path") is None:
            return self
        return self.model_copy(update={"config": self.config | {"path": folder}})


def vocabulary_of(cards: dict[Modality, Card]) -> Vocabulary:
    """Build the vocabulary from the cards of a run's tokenizers."""
    if Modality.TEXT not in cards:
        raise Refusal("a dataset needs a text tokenizer; add `tokenizers.text`.")
    image, audio = cards.get(Modality.IMAGE), cards.get(Modality.AUDIO)
    return Vocabulary(
        text=cards[Modality.TEXT].sizes[0],
        image=image.sizes[0] if image else 0,
        audio=audio.sizes if audio else (),
        tokenizers={modality.name.lower(): card.fingerprint for modality, card in sorted(cards.items())},
    )
