"""Tokens, disk and time that a run will take, estimated from the heads of its sources.

The rates are those of one core of a 2.5 GHz server processor, rounded; they hold within a factor of about three.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from ...schemas.config.run import BeamEngine, DaskEngine, RunConfig
from ...schemas.config.tokenizers import RvqConfig, SentencePieceConfig, VqConfig
from ...schemas.dataset.layout import FRAME
from ...schemas.dataset.packed_row import segment_dtype
from ...schemas.vocabulary import Modality
from ...tokenizers import registry
from ...tokenizers.audio.decode_clip import duration_of
from .heads import Head

TEXT_RATE = 15e6  # bytes of text that are read, cleaned, encoded and packed per second
PICTURE_RATE = 50.0  # images of 128 x 128 pixels that are decoded and encoded per second
SOUND_RATE = 200.0  # seconds of sound that are decoded and encoded per second
MEDIA_RATE = 100e6  # bytes of media that are read and written per second
PICTURE_STEP = 0.25  # seconds of a training step of an image tokenizer at 128 x 128 pixels
SOUND_STEP = 0.15  # seconds of a training step of an audio tokenizer
MODEL_BYTES = 10e6  # of a tokenizer of images or sound that is trained, with the samples that it is trained on
FILL = 0.97  # share of a packed row that holds tokens
VOCABULARY_BYTES = ((300, 1.5), (1000, 2.6), (8000, 3.7), (32000, 4.3), (128000, 4.7))  # size, bytes of text per token


@dataclass(frozen=True)
class Rates:
    """Tokens per byte of text, image and second of sound; None where the config does not say. `grounds` says how."""

    text: float
    image: float | None
    audio: float | None
    grounds: dict[str, str]


@dataclass(frozen=True)
class Cost:
    """What one source comes to."""

    tokens: dict[str, float]  # by modality, where it can be estimated
    row_bytes: float  # of texts and media
    seconds: float  # of one core


def load_tokenizers(config: RunConfig) -> dict[Modality, Any]:
    """Load the given tokenizers of a run, as far as they are on a disk or in a store rather than on a hub.

    Raises:
        Refusal: A tokenizer cannot be loaded.
    """
    from ..tokenize.train import exists

    given: dict[Modality, Any] = {}
    for modality in config.modalities:
        tokenizer = getattr(config.tokenizers, modality.name.lower())
        if not tokenizer.trained_in_run and exists(tokenizer.path):
            given[modality] = registry.load(tokenizer)
    return given


def rates_of(config: RunConfig, given: dict[Modality, Any], heads: Sequence[Head]) -> Rates:
    """Find out how many tokens the tokenizers of a run give."""
    grounds: dict[str, str] = {}
    text, grounds["text"] = _text_rate(config, given.get(Modality.TEXT), heads)
    picture, codec = given.get(Modality.IMAGE), given.get(Modality.AUDIO)
    image = picture.tokens if picture else registry.tokens_per_picture(config.tokenizers.image)
    audio = codec.frame_rate * len(codec.sizes) if codec else registry.tokens_per_second(config.tokenizers.audio)
    unknown = "unknown: the tokenizer is on a hub"
    grounds["image"] = f"{image} tokens per image" if image else unknown
    grounds["audio"] = f"{audio:g} tokens per second" if audio else unknown
    return Rates(text, image, audio, grounds)


def _text_rate(config: RunConfig, tokenizer: Any, heads: Sequence[Head]) -> tuple[float, str]:
    texts = [text for head in heads for text in head.kept["text"].to_pylist()]
    total = sum(len(text.encode()) for text in texts)
    if tokenizer is not None and total:
        rate = len(tokenizer.encode(texts)[0]) / total
        return rate, f"{1 / rate:.1f} bytes per token, measured on the heads"
    size = config.tokenizers.text.vocab_size if isinstance(config.tokenizers.text, SentencePieceConfig) else 32_000
    sizes, widths = zip(*VOCABULARY_BYTES, strict=True)
    width = float(np.interp(math.log(size), np.log(sizes), widths))
    return 1 / width, f"{width:.1f} bytes per token, assumed for {size:,} pieces that are trained in the run"


def cost_of(rows: float, head: Head, rates: Rates, config: RunConfig) -> Cost:
    """Estimate what `rows` rows like those of the head come to."""
    kept = head.kept.num_rows
    if not kept:
        return Cost({}, 0.0, 0.0)
    left = rows * kept / head.rows
    modalities = [name for name in ("text", "image", "audio") if name in head.kept.column_names]
    size = {name: (pc.sum(pc.binary_length(head.kept[name])).as_py() or 0) / kept for name in modalities}
    amounts = {"text": size["text"], "image": 1.0, "audio": 0.0}
    if "audio" in modalities:
        lengths = [duration_of(clip.as_py()) for clip in head.kept["audio"]]
        amounts["audio"] = sum(frames / rate for frames, rate in lengths) / kept
    tokens = {}
    for name in modalities:
        rate = getattr(rates, name)
        if rate is not None:
            tokens[name] = left * (amounts[name] * rate + FRAME[Modality[name.upper()]])
    media = sum(size[name] for name in modalities if name != "text")
    seconds = size["text"] / TEXT_RATE + media / MEDIA_RATE
    if "image" in modalities:
        seconds += _area(config) / PICTURE_RATE
    seconds += amounts["audio"] / SOUND_RATE
    return Cost(tokens, left * sum(size.values()), rows * seconds)


def training_seconds(config: RunConfig) -> float:
    """Estimate the training of the tokenizers, which run side by side: the longest one counts."""
    image, audio = config.tokenizers.image, config.tokenizers.audio
    seconds = [0.0]
    if Modality.IMAGE in config.modalities and isinstance(image, VqConfig) and image.trained_in_run:
        seconds.append(image.steps * PICTURE_STEP * _area(config))
    if Modality.AUDIO in config.modalities and isinstance(audio, RvqConfig) and audio.trained_in_run:
        seconds.append(audio.steps * SOUND_STEP)
    return max(seconds)


def training_bytes(config: RunConfig) -> float:
    """Estimate the disk space of the tokenizers of images and sound that are trained in the run."""
    names = [modality.name.lower() for modality in config.modalities if modality is not Modality.TEXT]
    return float(MODEL_BYTES * sum(bool(getattr(config.tokenizers, name).trained_in_run) for name in names))


def workers_of(config: RunConfig) -> int:
    """Number of worker processes of the run on this machine; 1 for a cluster, whose size is not known."""
    if isinstance(config.engine, DaskEngine):
        return 1 if config.engine.scheduler else config.engine.local_workers
    return config.engine.workers or 1 if isinstance(config.engine, BeamEngine) else 1


def shard_bytes(tokens: float, config: RunConfig) -> float:
    """Estimate the size of the shards: a token is stored as its id, segment and modality."""
    return tokens / FILL * (4 + segment_dtype(config.row_length).itemsize + 1)


def _area(config: RunConfig) -> float:
    return (config.tokenizers.image.size / 128) ** 2
