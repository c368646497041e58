"""Chooses the library that encodes a run's texts: gigatoken where it gives the reference's ids, else the reference.

The ids are the same either way, so the choice is in no identity. It is made once, when the tokenizer is ready, on rows
of the run that depend on the run alone.
"""

import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa

from ...schemas.config.tokenizers import TextConfig
from ...schemas.identity import canonical_json, fingerprint
from ...schemas.storage.store import WORK, Store
from ...tokenizers.registry import load_text
from ...tokenizers.text.gigatoken_encoder import agrees, encoder_name
from ..engines.base import Engine
from ..engines.partition import Partition, load
from .train import ReadyTokenizer
from .training_sample import draw_training_sample

ENCODER_VERSION = 1
PARTS = 4  # partitions that are compared, spread evenly over those of the run
PART_BYTES = 125_000  # approximate size of the text drawn from each


@dataclass(frozen=True)
class TextEncoder:
    """How a run encodes its texts: `name` is the library with its version."""

    name: str
    fast: bool


@dataclass(frozen=True)
class CompareEncoders:
    """The task that compares both encoders on the texts of some partitions."""

    store: Store
    config: TextConfig
    where: str | None  # path of the tokenizer in the store

    def __call__(self, parts: tuple[Partition, ...]) -> TextEncoder:
        """Return the encoder to use."""
        tokenizer = load_text(self.config, self.store.local_path(self.where))
        fast = tokenizer.fast is not None and agrees(tokenizer, self._draw(parts))
        return TextEncoder(encoder_name(tokenizer, fast=fast), fast)

    def _draw(self, parts: tuple[Partition, ...]) -> pa.ChunkedArray:
        drawn = [pa.chunked_array([], pa.string())]
        for part in parts:
            table = load(self.store, part).select(["id", "text"])
            share = PART_BYTES / max(part.note["text_bytes"], 1)
            drawn.append(table.filter(draw_training_sample(table["id"], share))["text"])
        return pa.chunked_array([chunk for column in drawn for chunk in column.chunks], pa.string())


def choose_encoder(
    engine: Engine, config: TextConfig, ready: ReadyTokenizer, parts: Sequence[Partition]
) -> TextEncoder:
    """Choose the encoder of a run's texts.

    Args:
        engine: Runs the comparison.
        config: The text tokenizer's config.
        ready: The tokenizer.
        parts: Partitions of raw rows, of all sources.
    """
    step = max(len(parts) / PARTS, 1.0)
    chosen = tuple(parts[int(number * step)] for number in range(min(PARTS, len(parts))))
    # the libraries are in the key, since another machine may go on with the run
    key = fingerprint("encoder", ENCODER_VERSION, ready.card.fingerprint, _libraries(), [part.key for part in chosen])
    name = f"{WORK}/encoder/{key}.json"
    known = engine.store.exists(name)
    task = CompareEncoders(engine.store, config, ready.where)
    found = engine.collect("encoder", task, [] if known else [chosen], int(known))
    if not known:
        engine.store.write(name, canonical_json(asdict(found[0])))
    return TextEncoder(**json.loads(engine.store.read(name)))


def _libraries() -> dict[str, str | None]:
    versions: dict[str, str | None] = {}
    for name in ("gigatoken", "sentencepiece", "tiktoken", "tokenizers"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return versions
