"""Chooses the library that encodes a run's texts: gigatoken where it gives the reference's ids, else the reference.

The ids are the same either way, so the choice is in no identity. It is made once, when the tokenizer is ready, on rows
of the run that depend on the run alone.
"""

import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from ...schemas.config.tokenizers import TextConfig
from ...schemas.dataset.tokenizer_card import CARD
from ...schemas.identity import canonical_json
from ...schemas.storage.store import WORK, Store
from ...tokenizers.registry import load_text
from ...tokenizers.text.gigatoken_encoder import agrees, encoder_name
from ..engines.partition import Partition, load
from ..engines.stage import WorkCount
from ..engines.steps import Gather, Given
from .train import ReadyTokenizer
from .training_sample import draw_training_sample

ENCODER_VERSION = 2
PARTS = 4  # partitions that are compared, spread evenly over those of the run
PART_BYTES = 125_000  # approximate size of the text drawn from each


@dataclass(frozen=True)
class TextEncoder:
    """How a run encodes its texts: `name` is the library with its version."""

    name: str
    fast: bool


@dataclass(frozen=True)
class ChooseEncoder:
    """Compares both encoders on the texts of some partitions, once the tokenizer is ready; one task."""

    store: Store
    config: TextConfig
    folder: str  # of the tokenizer
    name: str = "encoder"

    def identity(self) -> list[Any]:
        """Version, and the libraries, since another machine may go on with the run."""
        return [ENCODER_VERSION, _libraries()]

    def done(self, key: str) -> str:
        """Return the name of the file with the choice."""
        return f"{WORK}/{self.name}/{key}.json"

    def __call__(self, key: str, parts: Sequence[Sequence[Partition]]) -> WorkCount:
        """Compare and write the choice; nothing is written where no tokenizer was made.

        Args:
            key: Identifies the result.
            parts: Nothing from the step that makes the tokenizer; the partitions to compare on.
        """
        if self.store.exists(f"{self.folder}/{CARD}"):
            ready = ReadyTokenizer.at(self.store, self.folder)
            tokenizer = load_text(self.config, self.store.local_path(ready.where))
            fast = tokenizer.fast is not None and agrees(tokenizer, self._draw(parts[-1]))
            encoder = TextEncoder(encoder_name(tokenizer, fast=fast), fast)
            self.store.write(self.done(key), canonical_json(asdict(encoder)))
        return WorkCount(0, 0)

    def _draw(self, parts: Sequence[Partition]) -> pa.ChunkedArray:
        drawn = [pa.chunked_array([], pa.string())]
        for part in parts:
            table = load(self.store, part).select(["id", "text"])
            share = PART_BYTES / max(part.note["text_bytes"], 1)
            drawn.append(table.filter(draw_training_sample(table["id"], share))["text"])
        return pa.chunked_array([chunk for column in drawn for chunk in column.chunks], pa.string())


def choice_of_encoder(
    store: Store, config: TextConfig, folder: str, ready: Gather, parts: Sequence[Partition]
) -> Gather:
    """Describe the choice of the encoder of a run's texts.

    Args:
        store: Holds the tokenizer.
        config: The text tokenizer's config.
        folder: Its folder in the store.
        ready: The step that makes it.
        parts: Partitions of raw rows, of all sources.
    """
    step = max(len(parts) / PARTS, 1.0)
    chosen = [parts[int(number * step)] for number in range(min(PARTS, len(parts)))]
    return Gather(ChooseEncoder(store, config, folder), (ready, Given(chosen)))


def chosen_encoder(store: Store, choice: Gather) -> TextEncoder:
    """Return the encoder, once the choice has been made."""
    return TextEncoder(**json.loads(store.read(choice.done)))


def _libraries() -> dict[str, str | None]:
    versions: dict[str, str | None] = {}
    for name in ("gigatoken", "sentencepiece", "tiktoken", "tokenizers"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return versions
