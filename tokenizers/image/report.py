"""What an image tokenizer loses and how much of its codebook it uses."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torchmetrics.image import PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure

from ..protocol import ImageTokenizer, Pixels

SSIM_WINDOW = 11


def image_report(tokenizer: ImageTokenizer, pictures: Iterable[Pixels]) -> dict[str, Any]:
    """Round-trip figures over batches of (batch, side, side, 3) pictures.

    `psnr` (dB) is that of the error pooled over all pictures, None when there is no error at all; `ssim` the mean
    over pictures (Wang et al. 2004), None below 11 pixels; `perplexity` that of the codes' frequencies. Raises
    ValueError when there are no pictures.
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
        raise ValueError("no pictures to report on")
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
