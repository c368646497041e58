"""A tokenizer's card: what the rest of a run needs to know of it without loading it."""

from typing import Any, Self

from pydantic import Field, PositiveInt

from ..base import Strict
from ..errors import Refusal
from ..vocabulary import Modality, Vocabulary

CARD = "card.json"


class Card(Strict):
    """Sizes and identity of one tokenizer."""

    modality: str
    config: dict[str, Any]
    fingerprint: str
    sizes: tuple[PositiveInt, ...]  # ids, or codes of each codebook
    tokens: PositiveInt | None = None  # codes a picture
    sample_rate: PositiveInt | None = None
    frame_rate: float | None = None
    files: str | None = Field(None, description="Its files within the folder, `.` for all; none: named on a hub")

    def located(self, folder: str | None) -> Self:
        """The card of the same tokenizer in this folder of a dataset; None: on a hub, whose name for it stays."""
        if folder is None or self.config.get("path") is None:
            return self
        return self.model_copy(update={"config": self.config | {"path": folder}})


def vocabulary_of(cards: dict[Modality, Card]) -> Vocabulary:
    """The vocabulary that a run's tokenizers make up."""
    if Modality.TEXT not in cards:
        raise Refusal("a dataset needs a text tokenizer; add `tokenizers.text`.")
    image, audio = cards.get(Modality.IMAGE), cards.get(Modality.AUDIO)
    return Vocabulary(
        text=cards[Modality.TEXT].sizes[0],
        image=image.sizes[0] if image else 0,
        audio=audio.sizes if audio else (),
        tokenizers={modality.name.lower(): card.fingerprint for modality, card in sorted(cards.items())},
    )
