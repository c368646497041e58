"""The tokenizers stored with a dataset or with a model trained on it.

tokenizers.json          configs and cards of the tokenizers
tokenizers/MODALITY/…    their files; none for a tokenizer that is loaded from a hub by name

A dataset has the configs and cards in its manifest. A model has copies of both beside its weights, so that it can
read and generate text, images and audio without the dataset.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, cast

from ..schemas.config.tokenizers import Tokenizers
from ..schemas.dataset.reader import Dataset
from ..schemas.dataset.tokenizer_card import Card
from ..schemas.errors import Mismatch, Refusal, brief
from ..schemas.identity import parse_json, sealed_json, unseal
from ..schemas.storage.inside import require_inside
from ..schemas.storage.store import Store
from ..schemas.vocabulary import Modality
from .protocol import AudioTokenizer, ImageTokenizer, TextTokenizer, Tokenizer
from .registry import load

FILE, FOLDER = "tokenizers.json", "tokenizers"


class Bundle:
    """Tokenizers by modality, each loaded on first use."""

    def __init__(self, configs: Tokenizers, cards: Mapping[str, Card], local: Callable[[str], str], owner: str) -> None:
        """Create a bundle.

        Args:
            configs: The tokenizers' configs.
            cards: The tokenizers' cards by modality name.
            local: Returns the local path of a folder, given its path relative to the owner's folder.
            owner: Name of the dataset or model, for messages.
        """
        self._configs = configs
        self.cards = cards
        self._local = local
        self._owner = owner

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> Self:
        """Open the tokenizers of a dataset."""
        manifest, store = dataset.manifest, Store(dataset.url)
        cards: dict[str, Card] = {name: entry.card for name, entry in manifest.tokenizers.items()}
        configs = Tokenizers.model_validate(manifest.config["tokenizers"])
        return cls(configs, cards, lambda name: store.local_path(name) or name, dataset.url)

    @classmethod
    def of_model(cls, folder: str | Path) -> Self:
        """Open the tokenizers that `save_bundle` stored with a model.

        Raises:
            Refusal: The folder has no tokenizers.json.
        """
        try:
            stored = _stored((Path(folder) / FILE).read_bytes())
            cards = {name: Card.model_validate(card) for name, card in stored["cards"].items()}
            configs = Tokenizers.model_validate(stored["configs"])
        except FileNotFoundError:
            raise Refusal(
                f"{folder}: has no {FILE}. Let `triptych train` run to its end, where the model is exported."
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            why = brief(error, 200)
            raise Refusal(f"{folder}/{FILE}: does not describe tokenizers ({why}). Export the model again.") from None

        def local(name: str) -> str:
            require_inside(str(folder), name)
            return f"{folder}/{name}"

        return cls(configs, cards, local, str(folder))

    def __contains__(self, modality: Modality) -> bool:
        return modality.name.lower() in self.cards

    def tokenizer(self, modality: Modality) -> Tokenizer:
        """Load the tokenizer of a modality.

        Raises:
            Refusal: The bundle has no tokenizer for the modality.
            Mismatch: The tokenizer is not the one that made the tokens.
        """
        name = modality.name.lower()
        if modality not in self:
            raise Refusal(f"{self._owner}: has no {name}, only {', '.join(self.cards)}. Choose one of these.")
        card = self.cards[name]
        where = None if card.files is None else self._local(f"{FOLDER}/{name}/{card.files}".removesuffix("/."))
        tokenizer = load(getattr(self._configs, name), where)
        if tokenizer.fingerprint != card.fingerprint:
            sides = (self._owner, card.fingerprint), ("the loaded tokenizer", tokenizer.fingerprint)
            raise Mismatch.between(f"the {name} tokenizer", *sides, f"Restore the {FOLDER} folder.")
        return tokenizer

    @property
    def text(self) -> TextTokenizer:
        """The text tokenizer."""
        return cast(TextTokenizer, self.tokenizer(Modality.TEXT))

    @property
    def image(self) -> ImageTokenizer:
        """The image tokenizer."""
        return cast(ImageTokenizer, self.tokenizer(Modality.IMAGE))

    @property
    def audio(self) -> AudioTokenizer:
        """The audio tokenizer."""
        return cast(AudioTokenizer, self.tokenizer(Modality.AUDIO))


def save_bundle(dataset: Dataset, folder: str | Path) -> None:
    """Copy the tokenizers of a dataset into the folder of a model."""
    entries = dataset.manifest.tokenizers
    Path(folder).mkdir(parents=True, exist_ok=True)
    for entry in entries.values():
        for file in entry.files:
            to = Path(folder) / file.file
            to.parent.mkdir(parents=True, exist_ok=True)
            require_inside(str(folder), file.file)
            to.write_bytes(dataset.fs.cat_file(dataset.path(file)))
    stored: dict[str, Any] = {
        "configs": dataset.manifest.config["tokenizers"],
        "cards": {name: entry.card.model_dump(mode="json") for name, entry in entries.items()},
    }
    (Path(folder) / FILE).write_bytes(sealed_json(stored))


def _stored(data: bytes) -> dict[str, Any]:
    """Parse tokenizers.json; versions before wrote it without a seal."""
    stored: dict[str, Any] = parse_json(data)
    if stored.keys() != {"configs", "cards"}:
        stored = unseal(data)
    return stored
