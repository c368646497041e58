"""The bound by audio codebook: a mean over codebooks hides which of them have been learned.

The first codebook of a residual codec carries most of the sound; the later ones are close to noise. So the bits of each
codebook are reported beside its own unigram entropy.

Shapes are named by suffix: S segments, J codebooks, N queried positions, F fields.
"""

import torch

from ...schemas.vocabulary import Modality
from .loss_sums import MeanWithError, ratio_with_error
from .noised_batch import NoisedBatch


def codebook_nats(noised: NoisedBatch, nats_N: torch.Tensor, codebooks: range) -> torch.Tensor:
    """Estimated NELBO of each segment by audio codebook, (S, J) float64; its sum over J is the column of audio.

    Args:
        noised: Batch on the CPU.
        nats_N: Cross-entropy of each queried position in nats, on the CPU.
        codebooks: Slices of the codebooks, from `audio_slices`.
    """
    slice_N = torch.repeat_interleave(*torch.tensor(noised.inputs.groups, dtype=torch.int64).view(-1, 2).T)
    audio_N = slice_N >= codebooks.start
    cell_N = noised.segment_N[audio_N] * len(codebooks) + slice_N[audio_N] - codebooks.start
    nats_SJ = torch.zeros(len(noised.task_S), len(codebooks), dtype=torch.float64)
    nats_SJ.view(-1).index_add_(0, cell_N, (noised.weight_N * nats_N)[audio_N].double())
    return nats_SJ


def frames_of(noised: NoisedBatch, codebooks: range) -> torch.Tensor:
    """Number of predicted frames of each segment, float64 (S,): frames are whole, so every codebook has as many."""
    return noised.targets_SM[:, Modality.AUDIO].double() / len(codebooks)


def codebook_sums(nats_SJ: torch.Tensor, frames_S: torch.Tensor) -> torch.Tensor:
    """Sums over segments, (F, J) float64, which add up over batches and processes."""
    frames_SJ = frames_S[:, None].expand_as(nats_SJ)
    fields = (nats_SJ, frames_SJ, nats_SJ**2, nats_SJ * frames_SJ, frames_SJ**2)
    return torch.stack([field.sum(0) for field in fields])


def codebook_bits(sums_FJ: torch.Tensor) -> list[MeanWithError]:
    """Bits per code of each codebook, with the error of a ratio of sums; empty if no audio was predicted."""
    return [ratio_with_error(*column) for column in sums_FJ.T.tolist() if column[1]]
