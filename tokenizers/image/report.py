"""Quality of the round trip through an image tokenizer, and use of its codebook."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torchmetrics.image import PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure

from ..protocol import ImageTokenizer, Pixels

SSIM_WINDOW = 11


def image_report(tokenizer: ImageTokenizer, pictures: Iterable[Pixels]) -> dict[str, Any]:
    """Measure the round trip of batches of images.

    Args:
        tokenizer: The tokenizer.
        pictures: Batches of (batch, side, side, 3) images.

    Returns:
        `psnr` in dB of the error pooled over all images, None without any error; `ssim`, the mean over images
        (Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861), None below 11 pixels; `perplexity` of the code
        frequencies; and counts.

    Raises:
        ValueError: There are no images.
    """
    psnr, ssim = PeakSignalNoiseRatio(data_range=255.0), StructuralSimilarityIndexMeasure(data_range=255.0)
    use, n = np.zeros(tokenizer.size, np.int64), 0
    for batch in pictures:
        codes = tokenizer.encode(batch)
        use += np.bincount(codes.ravel(), minlength=tokenizer.size)
        n += len(batch)
        original, restored = _planes(batch), _planes(tokenizer.decode(codes))
        psnr.update(restored, original)
        if tokenizer.pixels >= SSIM_WINDOW:
            ssim.update(restored, original)
    if not n:
        raise ValueError("no images to report on")
    share = use[use > 0] / use.sum()
    decibels = float(psnr.compute())
    similarity: Any = ssim.compute() if tokenizer.pixels >= SSIM_WINDOW else None
    return {
        "n": n,
        "psnr": decibels if math.isfinite(decibels) else None,
        "ssim": None if similarity is None else float(similarity),
        "codes_used": int((use > 0).sum()),
        "codes_used_share": float((use > 0).mean()),
        "perplexity": float(np.exp(-(share * np.log(share)).sum())),
        "tokens_per_picture": tokenizer.tokens,
    }


def _planes(pixels: Pixels) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
