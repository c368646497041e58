"""Prepares a run's tokenizers: trains them on a sample of rows, or copies them from the path in the run file.

Either way the result is a folder in the store with a card that is written last. The key of a trained tokenizer depends
on its config and its training rows, so a resumed run finds it and a changed run trains again.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ...schemas.config.run import Limits
from ...schemas.config.sources import Source
from ...schemas.config.tokenizers import RvqConfig, SentencePieceConfig, Tokenizers, VqConfig
from ...schemas.dataset.tokenizer_card import CARD, Card
from ...schemas.errors import Refusal
from ...schemas.identity import bytes_fingerprint, canonical_json, fingerprint
from ...schemas.secrets import public_tree, without_secrets
from ...schemas.storage.file_system import file_system
from ...schemas.storage.store import WORK, Store
from ...schemas.vocabulary import Modality
from ...tokenizers import registry
from ...tokenizers.protocol import Tokenizer
from ..engines.base import Engine
from ..engines.partition import Partition, load
from .training_sample import DrawTrainingSample

FIT_VERSION = 1
TRAINING_THREADS = 2  # the thread count changes how sums are rounded, so it is the same on every machine
PICTURES = 6000  # approximate number of images to train an image tokenizer
CLIPS = 600  # approximate number of clips to train an audio tokenizer


@dataclass(frozen=True)
class ReadyTokenizer:
    """A tokenizer that is ready to use: its folder in the store, and its card."""

    folder: str
    card: Card

    @property
    def where(self) -> str | None:
        """The path in the store from which it is loaded; None when it is loaded from a hub."""
        return None if self.card.files is None else f"{self.folder}/{self.card.files}".removesuffix("/.")


@dataclass(frozen=True)
class TrainTokenizer:
    """The task that trains or copies one tokenizer and writes its card."""

    store: Store
    tokenizers: Tokenizers
    seed: int

    def __call__(self, item: tuple[Modality, str, tuple[Partition, ...]]) -> str:
        """Train one tokenizer or copy it into its folder; returns the folder."""
        modality, folder, drawn = item
        config = getattr(self.tokenizers, modality.name.lower())
        with tempfile.TemporaryDirectory(prefix="triptych-") as scratch:
            if config.trained_in_run:
                samples = _samples(self.store, drawn, modality, config)
                registry.train(config, samples, Path(scratch), seed=self.seed, threads=TRAINING_THREADS)
                tokenizer = registry.load(config, scratch)
                self.store.upload(scratch, folder)
                files: str | None = "."
            else:
                tokenizer = registry.load(config)
                files = _adopt(self.store, config.path, folder)
                if _folder(modality, config, _content(config.path)) != folder:
                    raise Refusal(
                        f"tokenizers.{modality.name.lower()}.path: {config.path} changed during the run. Make sure "
                        "that nothing writes there, then run the same command again.",
                        exit_code=1,
                    )
            card = _card(modality, config, tokenizer, files)
            self.store.write(f"{folder}/{CARD}", canonical_json(card.model_dump(mode="json")))
        return folder


def ready_tokenizers(
    engine: Engine,
    raw: Mapping[str, Sequence[Partition]],
    sources: Sequence[Source],
    tokenizers: Tokenizers,
    seed: int,
    limits: Limits,
) -> dict[Modality, ReadyTokenizer]:
    """Train or copy every tokenizer that the run's sources need, once; text comes first."""
    items = []
    for modality in sorted({modality for source in sources for modality in source.modality.modalities}):
        tokenizer = getattr(tokenizers, modality.name.lower())
        drawn: list[Partition] = []
        if tokenizer.trained_in_run:
            parts = [part for s in sources if modality in s.modality.modalities for part in raw[s.name]]
            drawn = _draw(engine, parts, modality, tokenizer, limits)
            origin: Any = [seed, TRAINING_THREADS, [part.key for part in drawn]]
        else:
            origin = _content(tokenizer.path)
        items.append((modality, _folder(modality, tokenizer, origin), tuple(drawn)))
    missing = [item for item in items if not engine.store.exists(f"{item[1]}/{CARD}")]
    # the longest training starts first, so that the others run in parallel
    engine.collect(
        "tokenizers", TrainTokenizer(engine.store, tokenizers, seed), missing[::-1], len(items) - len(missing)
    )
    cards = {m: Card.model_validate_json(engine.store.read(f"{folder}/{CARD}")) for m, folder, _ in items}
    return {modality: ReadyTokenizer(folder, cards[modality]) for modality, folder, _ in items}


def _folder(modality: Modality, tokenizer: Any, origin: Any) -> str:
    """Return the folder of a tokenizer made from `origin`: its training rows, or the content of the given one."""
    key = fingerprint("fit", FIT_VERSION, modality.name, tokenizer.identity_body({"path"}), origin)
    return f"{WORK}/fit/{modality.name.lower()}-{key}"


def _draw(
    engine: Engine, parts: Sequence[Partition], modality: Modality, tokenizer: Any, limits: Limits
) -> list[Partition]:
    if modality is Modality.TEXT:
        wanted, total, size = tokenizer.sample_bytes, sum(part.note["text_bytes"] for part in parts), 0
    else:
        total = sum(part.rows for part in parts)
        wanted, size = (PICTURES, tokenizer.size) if modality is Modality.IMAGE else (CLIPS, tokenizer.sample_rate)
    if not total:
        raise Refusal(
            f"tokenizers.{modality.name.lower()}: no row of any source is left to train on; every one was dropped. "
            "Check the reasons in the ledger, or give a trained tokenizer by `path`.",
            exit_code=1,
        )
    # with few rows, a small share may select none; then all of them are used
    for share in (min(1.0, wanted / total), 1.0):
        drawn = [part for part in engine.map(DrawTrainingSample(modality, share, limits, size), parts) if part.rows]
        if drawn:
            return drawn
    raise Refusal(
        f"tokenizers.{modality.name.lower()}: no row of any source can be decoded to train on, though the files open. "
        "Look at the files, or give a trained tokenizer by `path`.",
        exit_code=1,
    )


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
