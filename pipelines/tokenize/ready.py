"""Makes all tokenizers of a run ready: draws rows, trains or copies each tokenizer, and chooses the text encoder."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...schemas.config.run import Limits
from ...schemas.config.sources import Source
from ...schemas.config.tokenizers import Tokenizers
from ...schemas.errors import Refusal
from ...schemas.vocabulary import Modality
from ..engines.base import Engine
from ..engines.partition import Partition
from ..engines.steps import Gather, Given, Map
from .text_encoder import TextEncoder, choice_of_encoder, chosen_encoder
from .train import ReadyTokenizer, TrainTokenizer
from .training_sample import DrawTrainingSample

PICTURES = 6000  # approximate number of images to train an image tokenizer
CLIPS = 600  # approximate number of clips to train an audio tokenizer


def ready_tokenizers(
    engine: Engine,
    rows: Mapping[str, Sequence[Partition]],
    sources: Sequence[Source],
    tokenizers: Tokenizers,
    seed: int,
    limits: Limits,
) -> tuple[dict[Modality, ReadyTokenizer], TextEncoder]:
    """Train or copy every tokenizer that the run's sources need, once, and choose the encoder of its texts.

    Args:
        engine: Carries out the steps.
        rows: Partitions by source.
        sources: The sources.
        tokenizers: Their configs.
        seed: Of the training.
        limits: Limits for decoding images and audio.

    Returns:
        The tokenizers, text first, and the encoder.

    Raises:
        Refusal: No row is left to train a tokenizer on, or none can be decoded.
    """
    every = [part for source in sources for part in rows[source.name]]
    # with few rows, a small share may select none; then all of them are used
    for draw_all in (False, True):
        tasks, steps = {}, {}
        for modality in sorted({modality for source in sources for modality in source.modality.modalities}):
            parts = [part for s in sources if modality in s.modality.modalities for part in rows[s.name]]
            tasks[modality] = task = TrainTokenizer(engine.store, modality, tokenizers, seed)
            drawn = (_drawn(task, parts, limits, draw_all),) if task.config.trained_in_run else ()
            steps[modality] = Gather(task, drawn)
        text = steps[Modality.TEXT]
        folders = {modality: task.folder(steps[modality].key) for modality, task in tasks.items()}
        choice = choice_of_encoder(engine.store, tokenizers.text, folders[Modality.TEXT], text, every)
        # the longest training starts first, so that the others run in parallel
        engine.run([*reversed(steps.values()), choice])
        without = [modality for modality, step in steps.items() if not engine.store.exists(step.done)]
        if not without:
            ready = {modality: ReadyTokenizer.at(engine.store, folder) for modality, folder in folders.items()}
            return ready, chosen_encoder(engine.store, choice)
    raise Refusal(
        f"tokenizers.{without[0].name.lower()}: no row of any source can be decoded to train on, though the files "
        "open. Look at the files, or give a trained tokenizer by `path`.",
        exit_code=1,
    )


def _drawn(task: TrainTokenizer, parts: Sequence[Partition], limits: Limits, draw_all: bool) -> Map:
    """Describe the rows to train a tokenizer on."""
    tokenizer: Any = task.config
    if task.modality is Modality.TEXT:
        wanted, total, size = tokenizer.sample_bytes, sum(part.note["text_bytes"] for part in parts), 0
    else:
        total = sum(part.rows for part in parts)
        wanted, size = (PICTURES, tokenizer.size) if task.modality is Modality.IMAGE else (CLIPS, tokenizer.sample_rate)
    if not total:
        raise Refusal(
            f"tokenizers.{task.modality.name.lower()}: no row of any source is left to train on; every one was "
            "dropped. Check the reasons in the ledger, or give a trained tokenizer by `path`.",
            exit_code=1,
        )
    share = 1.0 if draw_all else min(1.0, wanted / total)
    return Map(DrawTrainingSample(task.modality, share, limits, size), Given(parts))
