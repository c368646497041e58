"""The tokenizers that belong to a dataset or to a model trained on it, as they lie in its folder.

tokenizers.json          what they are: configs and cards
tokenizers/MODALITY/…    their files; none where a hub has them by name

A dataset says the first in its manifest. A model has both copied beside its weights, so that it can be asked in text,
pictures and sound when the dataset is elsewhere.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, cast

from ..schemas.config.tokenizers import Tokenizers
from ..schemas.dataset.reader import Dataset
from ..schemas.dataset.tokenizer_card import Card
from ..schemas.errors import Mismatch, Refusal
from ..schemas.vocabulary import Modality
from .protocol import AudioTokenizer, ImageTokenizer, TextTokenizer, Tokenizer
from .registry import load

FILE, FOLDER = "tokenizers.json", "tokenizers"


class Bundle:
    """Tokenizers by modality, each loaded when it is first needed."""

    def __init__(self, configs: Tokenizers, cards: Mapping[str, Card], local: Callable[[str], str], owner: str) -> None:
        """`local(name)` is where a folder below the owner's lies on this machine."""
        self._configs = configs
        self.cards = cards
        self._local = local
        self._owner = owner

    @classmethod
    def of_model(cls, folder: str | Path) -> Self:
        """Those that `save_bundle` put beside a model; raises Refusal when there are none."""
        try:
            said = json.loads((Path(folder) / FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise Refusal(f"{folder}: has no {FILE}. Run `triptych train` to its end, which exports it.") from None
        cards = {name: Card.model_validate(card) for name, card in said["cards"].items()}
        return cls(Tokenizers.model_validate(said["configs"]), cards, lambda name: f"{folder}/{name}", str(folder))

    def __contains__(self, modality: Modality) -> bool:
        return modality.name.lower() in self.cards

    def tokenizer(self, modality: Modality) -> Tokenizer:
        """The tokenizer of a modality; Mismatch when it is not the one that made the tokens, Refusal without one."""
        name = modality.name.lower()
        if modality not in self:
            raise Refusal(f"{self._owner}: has no {name}, only {', '.join(self.cards)}. Ask for one of these.")
        card = self.cards[name]
        where = None if card.files is None else self._local(f"{FOLDER}/{name}/{card.files}".removesuffix("/."))
        tokenizer = load(getattr(self._configs, name), where)
        if tokenizer.fingerprint != card.fingerprint:
            sides = (self._owner, card.fingerprint), ("the tokenizer at hand", tokenizer.fingerprint)
            raise Mismatch.between(f"the {name} tokenizer", *sides, f"Restore the {FOLDER} folder.")
        return tokenizer

    @property
    def text(self) -> TextTokenizer:
        """That of text."""
        return cast(TextTokenizer, self.tokenizer(Modality.TEXT))

    @property
    def image(self) -> ImageTokenizer:
        """That of pictures."""
        return cast(ImageTokenizer, self.tokenizer(Modality.IMAGE))

    @property
    def audio(self) -> AudioTokenizer:
        """That of clips."""
        return cast(AudioTokenizer, self.tokenizer(Modality.AUDIO))


def save_bundle(dataset: Dataset, folder: str | Path) -> None:
    """Copy a dataset's tokenizers into a model's folder."""
    entries = dataset.manifest.tokenizers
    Path(folder).mkdir(parents=True, exist_ok=True)
    for entry in entries.values():
        for file in entry.files:
            to = Path(folder) / file.file
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(dataset.fs.cat_file(f"{dataset.root}/{file.file}"))
    said: dict[str, Any] = {
        "configs": dataset.manifest.config["tokenizers"],
        "cards": {name: entry.card.model_dump(mode="json") for name, entry in entries.items()},
    }
    (Path(folder) / FILE).write_text(json.dumps(said, indent=1, sort_keys=True), encoding="utf-8")
