"""The bound on held-out documents, by source and modality: the training objective on unseen data.

Tasks are drawn as in training, but conditions are always visible. Masks are the least noisy ones, whichever the run was
trained with, since all have the same expectation (docs/explanation/objective.md). Each segment is masked several times.
Standard errors are over segments; a text longer than a row consists of several.

Shapes are named by suffix: S segments, M modalities, T tokens, B rows, L tokens per row.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ....model.diffusion.batch import Batch
from ....model.diffusion.codebook_nats import codebook_nats, frames_of
from ....model.diffusion.corrupt import corrupt
from ....model.diffusion.loss import loss
from ....model.diffusion.noise_levels import RowPlacement
from ....model.diffusion.tasks import MODALITIES
from ....model.network.slices import audio_slices
from ....schemas.config.mix import MixEntry
from ....schemas.config.model import MaskedObjective, ObjectiveConfig
from ....schemas.config.training import TrainConfig
from ....schemas.errors import Refusal
from ....schemas.vocabulary import Modality
from ...data.loader import MicroBatch
from ...data.plan import Plan, plan_of
from ...data.shard_cache import ShardCache
from ...data.shards import Shards
from ...data.validation import validation_batches
from ...run_record import RunRecord
from ...validate import precomputed
from ..report.metric import Metric
from ..standard_errors import ratio_error

if TYPE_CHECKING:
    from ...generate.generator import Generator

GROUP = "held out"
TOKENS = 1 << 15  # tokens of validation rows of each stream, approximately
ROUNDS = 2  # number of masks per segment, each with its complement
Floats = npt.NDArray[np.float64]


class Segments(NamedTuple):
    """Sums over all rounds for each held-out segment."""

    nats_SM: Floats
    tokens_SM: Floats
    sizes_SM: Floats  # UTF-8 bytes, pixels, audio samples
    nats_SJ: Floats  # by audio codebook
    frames_S: Floats
    source_S: npt.NDArray[np.int64]


def held_out_metrics(
    generator: "Generator", data: str | None = None, *, tokens: int = TOKENS, rounds: int = ROUNDS, seed: int = 0
) -> list[Metric]:
    """Bits per token, and per byte, pixel or second, of held-out documents.

    Args:
        generator: Run to evaluate.
        data: Path of a dataset; None: the data that the run was trained on. The held-out share is that of the run.
        tokens: Tokens of validation rows of each stream, approximately.
        rounds: Number of masks per segment, each with its complement.
        seed: Seed of tasks and masks.

    Raises:
        Refusal: If nothing is held out.
        Mismatch: If the dataset has another vocabulary.
    """
    config = _config(generator.folder, data)
    plan = plan_of(config)
    generator.vocabulary.require(plan.vocabulary, generator.name, plan.datasets[0].url)
    with closing(ShardCache(config.data.cache, config.data.cache_bytes)) as cache:
        rows = max(1, tokens // plan.row_length)
        micros = validation_batches(plan, Shards(plan, cache), rows, micro_rows=1)
        if not micros:
            raise Refusal(f"no document of {plan.datasets[0].url} is held out. Train with a larger `data.validation`.")
        segments = _segments(generator, micros, least_noisy(config.objective), rounds, seed)
    card = generator.bundle.cards.get("audio")
    return list(_metrics(plan, micros, segments, (card and card.sample_rate) or 1))


def least_noisy(objective: ObjectiveConfig) -> ObjectiveConfig:
    """The same tasks with visible conditions, exact-k masks and complements: another estimate of the same bound."""
    if not isinstance(objective, MaskedObjective):
        return objective
    return MaskedObjective(tasks=objective.tasks, anti_masking=True, condition_dropout=0)


def _config(run: Path, data: str | None) -> TrainConfig:
    config = RunRecord.read(run).training
    if not config.data.validation:
        raise Refusal(
            f"{run}: held no documents out (`data.validation: 0`), so no data is unseen. Train with a larger share."
        )
    if data is None:
        return config
    mix = config.data.model_copy(update={"datasets": (MixEntry(path=data, weight=1.0),)})
    return config.model_copy(update={"data": mix})


@torch.inference_mode()
def _segments(
    generator: "Generator", micros: Sequence[MicroBatch], objective: ObjectiveConfig, rounds: int, seed: int
) -> Segments:
    parts, codebooks = [], audio_slices(generator.vocabulary)
    for micro in micros:
        sums: list[Any] = [0.0] * 5
        for number in range(rounds):
            batch = replace(micro.batch, epoch_B=torch.full_like(micro.batch.epoch_B, number))
            placement = RowPlacement(number, micro.placement.index_B, micro.placement.rows)
            corrupted = corrupt(batch, objective, generator.slices, seed, placement)
            nats_N = generator.model(corrupted.inputs.to(generator.device))[0].cpu()
            nats_SM = loss(precomputed((nats_N, torch.zeros_like(nats_N))), corrupted, objective).nats_SM
            by_book = codebook_nats(corrupted, nats_N, codebooks), frames_of(corrupted, codebooks)
            found = (nats_SM, corrupted.targets_SM.double(), corrupted.sizes_SM.double(), *by_book)
            sums = [total + mine for total, mine in zip(sums, found, strict=True)]
        parts.append([*(total.numpy() for total in sums), micro.batch.source_S.numpy()])
    return Segments(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _metrics(plan: Plan, micros: Sequence[MicroBatch], segments: Segments, rate: int) -> Iterator[Metric]:
    units = {Modality.TEXT: ("byte", 1), Modality.IMAGE: ("pixel", 1), Modality.AUDIO: ("second", rate)}
    for number, source in enumerate(plan.sources):
        for modality in MODALITIES:
            mine_S = (segments.source_S == number) & (segments.tokens_SM[:, modality] > 0)
            if not mine_S.any():
                continue
            bits_S = segments.nats_SM[mine_S, modality] / log(2)
            unit, scale = units[modality]
            entropy = held_out_unigram_entropy([micro.batch for micro in micros], number, modality)
            measures = (
                ("token", segments.tokens_SM, _unigram_note(entropy), entropy),
                (unit, segments.sizes_SM / scale, "", None),
            )
            for per, amount_SM, said, baseline in measures:
                amount_S = amount_SM[mine_S, modality]
                error = ratio_error(bits_S, amount_S)
                value, name = float(bits_S.sum() / amount_S.sum()), f"{source}, {modality.name.lower()}"
                count = int(mine_S.sum())
                yield Metric(GROUP, name, value, error, count, f"bits per {per}", "lower", note=said, baseline=baseline)
            if modality is Modality.AUDIO:
                yield from _codebook_metrics(plan, number, micros, segments, mine_S)


def _codebook_metrics(
    plan: Plan, number: int, micros: Sequence[MicroBatch], segments: Segments, mine_S: npt.NDArray[np.bool_]
) -> Iterator[Metric]:
    """Bits per code of each codebook, if there are several, with the unigram entropy of that codebook."""
    codebooks = audio_slices(plan.vocabulary)
    frames_S, batches = segments.frames_S[mine_S], [micro.batch for micro in micros]
    for level, slice_index in enumerate(codebooks if len(codebooks) > 1 else ()):
        bits_S = segments.nats_SJ[mine_S, level] / log(2)
        entropy = held_out_unigram_entropy(batches, number, Modality.AUDIO, slice_index)
        yield Metric(
            GROUP,
            f"{plan.sources[number]}, audio codebook {level}",
            float(bits_S.sum() / frames_S.sum()),
            ratio_error(bits_S, frames_S),
            int(mine_S.sum()),
            "bits per token",
            "lower",
            note=_unigram_note(entropy),
            baseline=entropy,
        )


def _unigram_note(entropy: float) -> str:
    return f"unigram baseline {entropy:.2f} bits"


def held_out_unigram_entropy(
    batches: Sequence[Batch], source: int, modality: Modality, slice_index: int | None = None
) -> float:
    """Unigram entropy of held-out targets, in bits per token.

    That is the cost of a code that knows the frequency of each id within its slice, in these very segments, and nothing
    else.

    Args:
        batches: Validation batches.
        source: Source, an index into `Plan.sources`.
        modality: Modality of the tokens.
        slice_index: Index of a slice, to count only its tokens.
    """
    tokens, slices = [], []
    for batch in batches:
        of_BL = torch.nn.functional.pad(batch.source_S, (1, 0), value=-1)[_entry(batch)]
        mine_BL = (of_BL == source) & (batch.slice_BL > 0) & (batch.modality_BL == modality)
        if slice_index is not None:
            mine_BL &= batch.slice_BL == slice_index
        tokens.append(batch.tokens_BL[mine_BL])
        slices.append(batch.slice_BL[mine_BL].long())
    ids, of = torch.cat(tokens), torch.cat(slices)
    pairs, counts = torch.unique(torch.stack([of, ids]), dim=1, return_counts=True)
    share = counts / torch.bincount(of)[pairs[0]]
    return float(-(counts * share.log2()).sum() / len(ids))


def _entry(batch: Batch) -> torch.Tensor:
    """(B, L): 1 + index of each token's segment; 0 for padding."""
    first_B = torch.searchsorted(batch.row_S, torch.arange(len(batch.row_B)))
    return torch.where(batch.segment_BL > 0, first_B[:, None] + batch.segment_BL, 0).long()
