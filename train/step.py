"""One training step: corruption, forward and backward pass over the micro-batches of all processes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from ..model.diffusion.corrupt import corrupt
from ..model.diffusion.loss import LossParts, loss
from ..model.diffusion.loss_sums import LossSums
from ..model.diffusion.noised_batch import NoisedBatch
from ..model.network.flops import segment_positions, training_flops
from ..model.network.slices import Slices
from ..schemas.config.training import TrainConfig
from .data.loader import MicroBatch
from .distributed.parallel import Parallel


class StepResult(NamedTuple):
    """Result of a step, summed over all processes."""

    loss: float  # weighted loss per target
    targets: float
    sums: LossSums
    tokens: int  # of segments, without padding
    flops: float
    stop: bool  # a process was asked to stop


class RowsLost(Exception):
    """Rows could not be read: the dataset has changed or is gone. Every process raises it in the same step."""


@dataclass(frozen=True)
class Gradients:
    """Computes the gradients of a global batch."""

    parallel: Parallel
    config: TrainConfig
    slices: Slices

    def __call__(self, micros: Sequence[MicroBatch], stop: bool, lost: bool = False) -> StepResult:
        """Accumulate the gradients of this process's micro-batches, averaged over the targets of all processes.

        The loss is divided by the number of targets of the whole global batch, never by that of a micro-batch.

        Args:
            micros: Micro-batches of this process.
            stop: Whether this process was asked to stop; the result tells whether any process was.
            lost: Whether this process could not read its rows.

        Raises:
            RowsLost: A process could not read its rows.
        """
        process = self.parallel.process
        noised = [self._noised(micro) for micro in micros]
        counts = process.sum(
            torch.tensor(
                [
                    sum(float(it.targets) for it in noised),
                    sum(float(micro.batch.length_S.sum()) for micro in micros),
                    sum(self._flops(it) for it in noised),
                    float(stop),
                    float(lost),
                ],
                dtype=torch.float64,
            )
        )
        targets, tokens, flops, stopping, losing = counts.tolist()
        if losing:
            raise RowsLost
        total = torch.zeros((), dtype=torch.float64)
        sums: LossSums | None = None
        for number, corrupted in enumerate(noised):
            parts = self._backward(corrupted.to(process.device), number == len(noised) - 1, targets)
            total += parts.loss.detach().double().cpu()
            mine = LossSums.of(corrupted, parts.nats_SM.cpu())
            sums = mine if sums is None else sums.plus(mine)
        assert sums is not None
        summed = process.sum(torch.cat([total[None], sums.sums_FTM.flatten()]))
        sums_FTM = summed[1:].view_as(sums.sums_FTM)
        loss_per_target = float(summed[0]) / max(targets, 1)
        return StepResult(loss_per_target, targets, LossSums(sums_FTM), int(tokens), flops, stopping > 0)

    def _backward(self, corrupted: NoisedBatch, last: bool, targets: float) -> LossParts:
        with self.parallel.gradient_sync(last) as model:
            parts = loss(model, corrupted, self.config.objective)
            # DDP and FSDP take the mean over processes
            share = parts.loss * (self.parallel.process.world / max(targets, 1))
        torch.autograd.backward(share)
        return parts

    def _noised(self, micro: MicroBatch) -> NoisedBatch:
        noised = corrupt(micro.batch, self.config.objective, self.slices, self.config.seed, micro.placement)
        return replace(noised, inputs=self.parallel.model.arrange(noised.inputs))

    def _flops(self, corrupted: NoisedBatch) -> float:
        inputs = corrupted.inputs
        shape, lengths = self.parallel.model.shape, segment_positions(inputs.segment_BL)
        return training_flops(shape, self.slices, lengths, inputs.groups).total
