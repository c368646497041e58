"""Validation during training: the loss on held-out documents, and on the datasets that are named for it."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch

from ..model.diffusion.codebook_nats import codebook_bits, codebook_nats, codebook_sums, frames_of
from ..model.diffusion.corrupt import corrupt
from ..model.diffusion.loss import Model, loss
from ..model.diffusion.loss_sums import LossSums
from ..model.network.slices import Slices, audio_slices
from ..schemas.config.mix import MixEntry, Mixture
from ..schemas.config.training import TrainConfig
from ..schemas.errors import Mismatch
from .data.loader import MicroBatch
from .data.overlap import require_not_trained_on
from .data.plan import Plan, make_plan, parts_of
from .data.shard_cache import ShardCache
from .data.shards import Shards
from .data.validation import validation_batches
from .distributed.parallel import Parallel
from .mask_ratio import ce_by_ratio, sums_by_ratio
from .metrics import loss_metrics, target_counts
from .optim.ema import Ema

HELD_OUT, NAMED = "validation", "validation_datasets"  # values of `split` in the metrics


class ValidationSet(NamedTuple):
    """Documents to validate on: the held-out ones of a plan."""

    split: str
    plan: Plan
    shards: Shards


def validation_sets(config: TrainConfig, plan: Plan, shards: Shards, cache: ShardCache) -> list[ValidationSet]:
    """The held-out documents of the run's plan, and all documents of the datasets under `validation.datasets`.

    Raises:
        Refusal: A named dataset does not fit the run, or its documents are trained on.
    """
    sets = [ValidationSet(HELD_OUT, plan, shards)] if plan.validation else []
    if config.validation.datasets:
        named = named_plan(config, plan)
        sets.append(ValidationSet(NAMED, named, Shards(named, cache)))
    return sets


def named_plan(config: TrainConfig, plan: Plan) -> Plan:
    """The plan of the datasets under `validation.datasets`, of which every document counts as held out.

    Raises:
        Refusal: A dataset does not fit the run, or its documents are trained on.
    """
    entries = tuple(MixEntry(path=path, weight=1.0) for path in config.validation.datasets)
    mix = Mixture(datasets=entries, batch_tokens=plan.row_length, allow_overlap=True)
    named = make_plan(mix, seed=config.seed, validation=1.0, steps=1)
    ours, theirs = plan.datasets[0], named.datasets[0]
    ours.manifest.vocabulary.require(theirs.manifest.vocabulary, ours.url, theirs.url)
    if plan.row_length != named.row_length:
        sides = (ours.url, str(plan.row_length)), (theirs.url, str(named.row_length))
        raise Mismatch.between("row_length", *sides, "Prepare both with one `row_length`.")
    if not config.data.allow_overlap:
        held, trained = (parts_of(each.datasets, each.streams) for each in (named, plan))
        require_not_trained_on(held, trained, plan.validation, "`data.allow_overlap: true`")
    return named


class Validation:
    """Computes validation lines; masks are the same every time."""

    def __init__(
        self, config: TrainConfig, sets: Sequence[ValidationSet], parallel: Parallel, micro_rows: int | None
    ) -> None:
        self._config, self._sets, self._parallel = config, sets, parallel
        self._micro_rows = micro_rows
        self.score: float | None = None  # bits per token on held-out documents at the last time, over modalities

    @torch.no_grad()
    def lines(self, step: int, ema: Ema | None, sample_rate: int | None) -> Iterator[dict[str, Any]]:
        """Yield a metrics line of each set for the weights and, if there is one, for their EMA."""
        model, self.score = self._parallel.model, None
        for each in self._sets:
            micros = self._batches(each)
            if not micros:
                continue
            model.eval()
            for weights in ("raw", "ema") if ema else ("raw",):
                with ema.swapped(model) if ema and weights == "ema" else nullcontext():
                    sums, ratios, books = self._evaluate(micros)
                if each is self._sets[0]:
                    self.score = sum(figure.mean for figure in sums.bits_per_token().values())
                line = {"step": step, "split": each.split, "weights": weights, **loss_metrics(sums, sample_rate)}
                line |= {"targets": target_counts(sums)}
                if bits := codebook_bits(books):
                    named = {f"audio{level}": one for level, one in enumerate(bits)}
                    line |= {"nelbo_by_codebook": {name: one.mean for name, one in named.items()}}
                    line |= {"nelbo_by_codebook_error": {name: one.error for name, one in named.items()}}
                if self._config.objective.kind == "masked":
                    line |= {"ce_by_ratio": ce_by_ratio(ratios)}
                yield line
            model.train()

    def _batches(self, each: ValidationSet) -> list[MicroBatch]:
        process, rows = self._parallel.process, self._config.validation.rows
        return validation_batches(
            each.plan, each.shards, rows, rank=process.rank, world=process.world, micro_rows=self._micro_rows
        )

    def _evaluate(self, micros: Sequence[MicroBatch]) -> tuple[LossSums, torch.Tensor, torch.Tensor]:
        """Loss sums, sums by mask ratio and sums by codebook of validation batches, over all processes."""
        config, process = self._config, self._parallel.process
        vocabulary = self._sets[0].plan.vocabulary
        slices, codebooks = Slices.of(vocabulary), audio_slices(vocabulary)
        sums, ratios, books = [], [], []
        with self._parallel.precision():
            for micro in micros:
                corrupted = corrupt(micro.batch, config.objective, slices, config.seed, micro.placement)
                there = corrupted.to(process.device)
                outputs = self._parallel.model(there.inputs)
                parts = loss(precomputed(outputs), there, config.objective)
                sums.append(LossSums.of(corrupted, parts.nats_SM.cpu()).sums_FTM)
                nats_N = outputs[0].cpu()
                ratios.append(sums_by_ratio(corrupted, nats_N))
                nats_SJ = codebook_nats(corrupted, nats_N, codebooks)
                books.append(codebook_sums(nats_SJ, frames_of(corrupted, codebooks)))
        total, by_ratio, by_book = (process.sum(torch.stack(each).sum(0)) for each in (sums, ratios, books))
        return LossSums(total), by_ratio, by_book


def precomputed(outputs: tuple[torch.Tensor, torch.Tensor]) -> Model:
    """A model whose outputs have been computed before."""
    return lambda inputs: outputs
