"""Getting a run's tokenizers ready: trained on drawn rows, or taken from the path that the run file gives.

Either way a tokenizer ends as a folder in the store with a card that is written last. A trained one is keyed by
its config and its training rows, so a resumed run finds it and a changed one trains anew.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa

from ...schemas.config.run import RunConfig
from ...schemas.config.tokenizers import RvqConfig, SentencePieceConfig, VqConfig
from ...schemas.dataset.tokenizer_card import CARD, Card
from ...schemas.errors import Refusal
from ...schemas.identity import bytes_fingerprint, canonical_json, fingerprint
from ...schemas.storage.store import WORK, Store
from ...schemas.vocabulary import Modality
from ...tokenizers import registry
from ...tokenizers.protocol import Tokenizer
from ..engines.base import Engine
from ..engines.partition import Partition, load
from .training_sample import DrawTrainingSample

FIT_VERSION = 1
TRAINING_THREADS = 2  # sums round by thread count, so it is the same on every machine
PICTURES = 6000  # to train an image tokenizer on, about
CLIPS = 600  # to train an audio tokenizer on, about


@dataclass(frozen=True)
class ReadyTokenizer:
    """A tokenizer that is ready: its folder in the store, and its card."""

    folder: str
    card: Card

    @property
    def where(self) -> str | None:
        """The name in the store that loads it; None when a hub holds it."""
        return None if self.card.files is None else f"{self.folder}/{self.card.files}".removesuffix("/.")


@dataclass(frozen=True)
class TrainTokenizer:
    """The task that makes one tokenizer ready and writes its card."""

    store: Store
    config: RunConfig

    def __call__(self, item: tuple[Modality, str, tuple[Partition, ...]]) -> str:
        """Train or adopt one tokenizer into its folder."""
        modality, folder, drawn = item
        config = getattr(self.config.tokenizers, modality.name.lower())
        with tempfile.TemporaryDirectory(prefix="triptych-") as scratch:
            if config.trained_in_run:
                samples = _samples(self.store, drawn, modality, config)
                registry.train(config, samples, Path(scratch), seed=self.config.seed, threads=TRAINING_THREADS)
                tokenizer = registry.load(config, scratch)
                self.store.upload(scratch, folder)
                files: str | None = "."
            else:
                tokenizer = registry.load(config)
                files = _adopt(self.store, config.path, folder)
                if _folder(modality, config, _content(config.path)) != folder:
                    raise Refusal(
                        f"tokenizers.{modality.name.lower()}.path: {config.path} changed while the run went on. Let "
                        "nothing write there, then run the same command again.",
                        exit_code=1,
                    )
            card = _card(modality, config, tokenizer, files)
            self.store.write(f"{folder}/{CARD}", canonical_json(card.model_dump(mode="json")))
        return folder


def ready_tokenizers(
    engine: Engine, config: RunConfig, raw: Mapping[str, Sequence[Partition]]
) -> dict[Modality, ReadyTokenizer]:
    """Every tokenizer that the run's sources need, trained or adopted once; text first."""
    items = []
    for modality in config.modalities:
        tokenizer = getattr(config.tokenizers, modality.name.lower())
        drawn: list[Partition] = []
        if tokenizer.trained_in_run:
            drawn = _draw(engine, config, modality, raw)
            origin: Any = [config.seed, TRAINING_THREADS, [part.key for part in drawn]]
        else:
            origin = _content(tokenizer.path)
        items.append((modality, _folder(modality, tokenizer, origin), tuple(drawn)))
    missing = [item for item in items if not engine.store.exists(f"{item[1]}/{CARD}")]
    # the longest training first, so that the others run beside it
    engine.collect("tokenizers", TrainTokenizer(engine.store, config), missing[::-1], len(items) - len(missing))
    cards = {m: Card.model_validate_json(engine.store.read(f"{folder}/{CARD}")) for m, folder, _ in items}
    return {modality: ReadyTokenizer(folder, cards[modality]) for modality, folder, _ in items}


def _folder(modality: Modality, tokenizer: Any, origin: Any) -> str:
    """Where a tokenizer lies that is made from `origin`: its training rows, or the content that is given."""
    key = fingerprint("fit", FIT_VERSION, modality.name, tokenizer.model_dump(exclude={"path"}), origin)
    return f"{WORK}/fit/{modality.name.lower()}-{key}"


def _draw(
    engine: Engine, config: RunConfig, modality: Modality, raw: Mapping[str, Sequence[Partition]]
) -> list[Partition]:
    parts = [part for s in config.sources if modality in s.modality.modalities for part in raw[s.name]]
    tokenizer = getattr(config.tokenizers, modality.name.lower())
    if modality is Modality.TEXT:
        wanted, total, size = tokenizer.sample_bytes, sum(part.note["text_bytes"] for part in parts), 0
    else:
        total = sum(part.rows for part in parts)
        wanted, size = (PICTURES, tokenizer.size) if modality is Modality.IMAGE else (CLIPS, tokenizer.sample_rate)
    if not total:
        raise Refusal(
            f"tokenizers.{modality.name.lower()}: no row of any source is left to train on; every one was dropped. "
            "See the ledger's reasons, or give a trained tokenizer by `path`.",
            exit_code=1,
        )
    # a few rows may all miss a small share; then all of them are taken
    for share in (min(1.0, wanted / total), 1.0):
        drawn = [
            part for part in engine.map(DrawTrainingSample(modality, share, config.limits, size), parts) if part.rows
        ]
        if drawn:
            break
    return drawn


def _samples(store: Store, drawn: Sequence[Partition], modality: Modality, config: Any) -> Any:
    """What `registry.train` takes: texts, a stack of pictures, or waves, in the order of the parts."""
    data = pa.concat_tables(load(store, part) for part in drawn)["data"]
    if isinstance(config, SentencePieceConfig):
        return (value.as_py().decode() for value in data)
    if isinstance(config, VqConfig):
        side = config.size
        return np.frombuffer(b"".join(value.as_py() for value in data), np.uint8).reshape(-1, side, side, 3)
    assert isinstance(config, RvqConfig), modality
    return [np.frombuffer(value.as_py(), np.float32).copy() for value in data]


def exists(path: str) -> bool:
    """True when there is something at a path or fsspec URL, so that it is no name on a hub."""
    fs, where = fsspec.core.url_to_fs(path)
    return bool(fs.exists(where))


def _content(path: str) -> Any:
    """What identifies a given tokenizer: the content of its files, or its name on a hub."""
    if not exists(path):
        return path
    fs, _ = fsspec.core.url_to_fs(path)
    return {name: bytes_fingerprint([fs.cat_file(file)]) for name, file in _files(path)}


def _files(path: str) -> list[tuple[str, str]]:
    """(name below the path, path for the file system) of every file at a path; a file has its own name."""
    fs, root = fsspec.core.url_to_fs(path)
    files = sorted(fs.find(root))
    if files == [root]:
        return [(root.rsplit("/", 1)[-1], root)]
    return [(name, file) for file in files if (name := file[len(root) :].lstrip("/")) != CARD]


def _adopt(store: Store, path: str, folder: str) -> str | None:
    """Copy a tokenizer into the dataset; returns where it lies in the folder, None for a hub's."""
    if not exists(path):
        return None
    fs, root = fsspec.core.url_to_fs(path)
    files = _files(path)
    for name, file in files:
        store.write(f"{folder}/{name}", fs.cat_file(file))
    return files[0][0] if fs.isfile(root) else "."


def _card(modality: Modality, config: Any, tokenizer: Tokenizer, files: str | None) -> Card:
    sizes = getattr(tokenizer, "sizes", None) or (getattr(tokenizer, "size"),)  # noqa: B009
    return Card(
        modality=modality.name.lower(),
        config=json.loads(config.model_dump_json()),
        fingerprint=tokenizer.fingerprint,
        sizes=tuple(sizes),
        tokens=getattr(tokenizer, "tokens", None),
        sample_rate=getattr(tokenizer, "sample_rate", None),
        frame_rate=getattr(tokenizer, "frame_rate", None),
        files=files,
    )
