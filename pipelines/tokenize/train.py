"""Prepares a tokenizer: trains it on a sample of rows, or copies it from the path in the run file.

Either way the result is a folder in the store with a card that is written last. The key of a trained tokenizer depends
on its config and its training rows, so a resumed run finds it and a changed run trains again.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ...schemas.config.tokenizers import RvqConfig, SentencePieceConfig, Tokenizers, VqConfig
from ...schemas.dataset.tokenizer_card import CARD, Card
from ...schemas.errors import Refusal
from ...schemas.identity import bytes_fingerprint, canonical_json
from ...schemas.secrets import public_tree, without_secrets
from ...schemas.storage.file_system import file_system
from ...schemas.storage.store import WORK, Store
from ...schemas.vocabulary import Modality
from ...tokenizers import registry
from ...tokenizers.protocol import Tokenizer
from ..engines.partition import Partition, load
from ..engines.stage import WorkCount
from ..engines.steps import gather_key

FIT_VERSION = 2
TRAINING_THREADS = 2  # the thread count changes how sums are rounded, so it is the same on every machine


@dataclass(frozen=True)
class ReadyTokenizer:
    """A tokenizer that is ready to use: its folder in the store, and its card."""

    folder: str
    card: Card

    @classmethod
    def at(cls, store: Store, folder: str) -> "ReadyTokenizer":
        """Open the tokenizer in a folder of the store."""
        return cls(folder, Card.model_validate_json(store.read(f"{folder}/{CARD}")))

    @property
    def where(self) -> str | None:
        """The path in the store from which it is loaded; None when it is loaded from a hub."""
        return None if self.card.files is None else f"{self.folder}/{self.card.files}".removesuffix("/.")


@dataclass(frozen=True)
class TrainTokenizer:
    """Trains one tokenizer on the rows that were drawn, or copies it, and writes its card; one task."""

    store: Store
    modality: Modality
    tokenizers: Tokenizers
    seed: int
    name: str = "tokenizers"

    @property
    def config(self) -> Any:
        """The config of the tokenizer."""
        return getattr(self.tokenizers, self.modality.name.lower())

    def identity(self) -> list[Any]:
        """Version, config, and what it is made from: how it is trained, or the content of the given one."""
        origin = [self.seed, TRAINING_THREADS] if self.config.trained_in_run else _content(self.config.path)
        return [FIT_VERSION, self.modality.name, self.config.identity_body({"path"}), origin]

    def folder(self, key: str) -> str:
        """Return the folder of the tokenizer."""
        return f"{WORK}/fit/{self.modality.name.lower()}-{key}"

    def done(self, key: str) -> str:
        """Return the name of its card, which is written last."""
        return f"{self.folder(key)}/{CARD}"

    def __call__(self, key: str, parts: Sequence[Sequence[Partition]]) -> WorkCount:
        """Train the tokenizer or copy it into its folder; without any row to train on, nothing is written.

        Args:
            key: Identifies the result.
            parts: The drawn rows; nothing for a tokenizer that is given.
        """
        drawn = [part for group in parts for part in group]
        if self.config.trained_in_run and not drawn:
            return WorkCount(0, 0)
        with tempfile.TemporaryDirectory(prefix="triptych-") as scratch:
            if self.config.trained_in_run:
                samples = _samples(self.store, drawn, self.modality, self.config)
                registry.train(self.config, samples, Path(scratch), seed=self.seed, threads=TRAINING_THREADS)
                tokenizer = registry.load(self.config, scratch)
                self.store.upload(scratch, self.folder(key))
                files: str | None = "."
            else:
                tokenizer = registry.load(self.config)
                files = _adopt(self.store, self.config.path, self.folder(key))
                if gather_key(self, []) != key:
                    raise Refusal(
                        f"tokenizers.{self.modality.name.lower()}.path: {self.config.path} changed during the run. "
                        "Make sure that nothing writes there, then run the same command again.",
                        exit_code=1,
                    )
            card = _card(self.modality, self.config, tokenizer, files)
            self.store.write(self.done(key), canonical_json(card.model_dump(mode="json")))
        return WorkCount(0, 0)


def _samples(store: Store, drawn: Sequence[Partition], modality: Modality, config: Any) -> Any:
    """Return the training data for `registry.train`: texts, a stack of images, or waves, in order of the parts."""
    data = pa.concat_tables(load(store, part) for part in drawn)["data"]
    if isinstance(config, SentencePieceConfig):
        return (value.as_py().decode() for value in data)
    if isinstance(config, VqConfig):
        side = config.size
        return np.frombuffer(b"".join(value.as_py() for value in data), np.uint8).reshape(-1, side, side, 3)
    assert isinstance(config, RvqConfig), modality
    return [np.frombuffer(value.as_py(), np.float32).copy() for value in data]


def exists(path: str) -> bool:
    """True when a path or fsspec URL exists, so that it is not the name of a model on a hub."""
    fs, where = file_system(path)
    return bool(fs.exists(where))


def _content(path: str) -> Any:
    """Return what identifies a given tokenizer: the content of its files, or its name on a hub."""
    if not exists(path):
        return path
    fs, _ = file_system(path)
    return {name: bytes_fingerprint([fs.cat_file(file)]) for name, file in _files(path)}


def _files(path: str) -> list[tuple[str, str]]:
    """Return (name below the path, path in the file system) of every file; a single file has its own name."""
    fs, root = file_system(path)
    files = sorted(fs.find(root))
    if files == [root]:
        return [(without_secrets(path).rsplit("/", 1)[-1], root)]
    return [(name, file) for file in files if (name := file[len(root) :].lstrip("/")) != CARD]


def _adopt(store: Store, path: str, folder: str) -> str | None:
    """Copy a tokenizer into the dataset; returns its path within the folder, or None for one on a hub."""
    if not exists(path):
        return None
    fs, root = file_system(path)
    files = _files(path)
    for name, file in files:
        store.write(f"{folder}/{name}", fs.cat_file(file))
    return files[0][0] if fs.isfile(root) else "."


def _card(modality: Modality, config: Any, tokenizer: Tokenizer, files: str | None) -> Card:
    sizes = getattr(tokenizer, "sizes", None) or (getattr(tokenizer, "size"),)  # noqa: B009
    return Card(
        modality=modality.name.lower(),
        config=public_tree(json.loads(config.model_dump_json())),
        fingerprint=tokenizer.fingerprint,
        sizes=tuple(sizes),
        tokens=getattr(tokenizer, "tokens", None),
        sample_rate=getattr(tokenizer, "sample_rate", None),
        frame_rate=getattr(tokenizer, "frame_rate", None),
        files=files,
    )
