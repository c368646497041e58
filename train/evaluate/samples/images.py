"""Figures of generated images: similarity to the caption, to real images, and diversity.

Each is reported beside the value of the tokenizer's reconstructions of real images, the best that a model of these
codes can reach.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..report.metric import Metric
from ..standard_errors import bootstrap_error, mean_error

if TYPE_CHECKING:
    from ....tokenizers.image.clip_model import ClipModel
    from ....tokenizers.protocol import ImageTokenizer, Pixels
    from .image_features import Features

Vectors = npt.NDArray[Any]

GROUP = "images"
PARTNERS = 8  # number of images on either side that each is compared with
WINDOW = 11  # side of the window of SSIM; smaller images have no SSIM
DRAWS = 25  # bootstrap resamples of the Fréchet distance, which is slow


@dataclass(frozen=True)
class Pictures:
    """Images generated for captions, and the held-out images of these captions; all (n, side, side, 3), uint8."""

    captions: list[str]
    generated: "Pixels"
    restored: "Pixels"  # the held-out images, as reconstructed by the tokenizer
    originals: "Pixels | None"  # the held-out images themselves; None if their files are not available


def reconstruction_metrics(tokenizer: "ImageTokenizer", originals: "Pixels") -> Iterator[Metric]:
    """Quality of the tokenizer's reconstructions: PSNR of the pooled error, and mean SSIM."""
    from ....tokenizers.image.report import image_report

    reports = [image_report(tokenizer, [picture[None]]) for picture in originals]
    powers = np.array([0.0 if report["psnr"] is None else 10 ** (-report["psnr"] / 10) for report in reports])

    def decibels(power: Vectors, axis: int) -> Any:
        with np.errstate(divide="ignore"):
            return -10 * np.log10(power.mean(axis=axis))

    note = "held-out pictures through the tokenizer and back"
    error = bootstrap_error(decibels, powers) if powers.any() else None
    yield Metric(
        GROUP, "PSNR of the tokenizer", float(decibels(powers, 0)), error, len(powers), "dB", "higher", note=note
    )
    ssim = [report["ssim"] for report in reports if report["ssim"] is not None]
    if ssim:
        error = mean_error(ssim)
        yield Metric(GROUP, "SSIM of the tokenizer", float(np.mean(ssim)), error, len(ssim), "", "higher", note=note)


def clip_score_metrics(pictures: Pictures, clip: "ClipModel", name: str) -> Iterator[Metric]:
    """CLIP scores of samples, of held-out images, and of samples with the captions of others.

    CLIPScore (Hessel et al. 2021, https://arxiv.org/abs/2104.08718), times 100 as in torchmetrics.
    """
    texts = clip.embed_texts(pictures.captions)
    made = clip.embed_images(list(pictures.generated))
    real = clip_scores(clip.embed_images(list(pictures.restored)), texts)
    note = f"{name}; 100 × cosine of picture and caption, at least 0"
    floor = float(real.mean())
    yield _mean("CLIP score", clip_scores(made, texts), floor, note)
    yield _mean("CLIP score of held-out pictures", real, None, f"{name}; through the tokenizer and back")
    if len(texts) > 1:
        others = clip_scores(made, np.roll(texts, 1, axis=0))
        yield _mean("CLIP score with another's caption", others, None, f"{name}; what no likeness at all would get")


def clip_scores(pictures: Vectors, texts: Vectors) -> Vectors:
    """(n,) scores of pairs of unit vectors (n, width)."""
    scores: Vectors = 100 * np.maximum((pictures * texts).sum(axis=-1), 0)
    return scores


def frechet_metrics(pictures: Pictures, features: "Features") -> Iterator[Metric]:
    """Fréchet distance to the held-out images; the reference value is that of their reconstructions.

    Heusel et al. (2017, https://arxiv.org/abs/1706.08500), with the given feature extractor.
    """
    made, restored = features(pictures.generated), features(pictures.restored)
    real = restored if pictures.originals is None else features(pictures.originals)
    count, width = made.shape
    note = f"{features.name}, {width} dimensions; {count} samples against {len(real)} held-out pictures"
    if pictures.originals is None:
        note += " as the tokenizer restores them"
    if min(count, len(real)) <= width:
        note += "; biased upwards by so few: compare at equal n alone"
    floor = None if pictures.originals is None else frechet(restored, real)
    error = bootstrap_error(
        lambda one, other: frechet(made[one], real[other]),
        np.arange(count),
        np.arange(len(real)),
        paired=False,
        resamples=DRAWS,
        vectorized=False,
    )
    yield Metric(GROUP, "Fréchet distance", frechet(made, real), error, count, "", "lower", floor, note)


def frechet(one: Vectors, other: Vectors) -> float:
    """Fréchet distance of two sets of feature vectors, (n, width) and (m, width), each of two or more."""
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance

    given = torch.nn.Identity()
    given.num_features = one.shape[1]
    metric = FrechetInceptionDistance(feature=given)
    metric.update(torch.from_numpy(one).double(), real=True)
    metric.update(torch.from_numpy(other).double(), real=False)
    return max(float(metric.compute()), 0.0)


def diversity_metric(pictures: Pictures) -> Metric:
    """Diversity of two or more samples, beside that of the held-out images."""
    value, error = diversity(pictures.generated)
    floor, _ = diversity(pictures.restored)
    note = f"mean of 1 - SSIM over pairs; each picture with up to {2 * PARTNERS} others"
    return Metric(GROUP, "diversity", value, error, len(pictures.generated), "", "higher", floor, note)


def diversity(pictures: "Pixels") -> tuple[float, float | None]:
    """Mean of 1 - SSIM over pairs of images (n, side, side, 3), n at least 2, and its standard error.

    Pairs are neighbours in a circle of the images, up to PARTNERS apart. The standard error is that of a U-statistic:
    an image occurs in many pairs, so it is twice that of the images' means over their pairs (Hoeffding 1948).
    """
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure as ssim

    planes = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float()
    count = len(planes)
    means = np.zeros(count)
    aparts = range(1, min(PARTNERS, count // 2) + 1)
    for apart in aparts:
        alike: Any = ssim(planes, planes.roll(apart, 0), data_range=255.0, reduction="none")
        unlike = 1 - alike.double().numpy()
        means += (unlike + np.roll(unlike, -apart)) / (2 * len(aparts))
    error = mean_error(means)
    return float(means.mean()), error and 2 * error


def _mean(name: str, values: Vectors, floor: float | None, note: str) -> Metric:
    return Metric(GROUP, name, float(values.mean()), mean_error(values), len(values), "", "higher", floor, note)
