"""Quality of the round trip through a text tokenizer, and its compression."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..protocol import TextTokenizer


def text_report(tokenizer: TextTokenizer, texts: Sequence[str]) -> dict[str, Any]:
    """Measure the round trip of texts.

    Returns:
        `exact`, the share of texts that round-trip exactly; `bytes`, in UTF-8; `bytes_per_token`, None without tokens;
        and counts.
    """
    codes, offsets = tokenizer.encode(texts)
    spans = zip(offsets[:-1], offsets[1:], texts, strict=True)
    exact = sum(tokenizer.decode(codes[start:stop]) == text for start, stop, text in spans)
    size = sum(len(text.encode()) for text in texts)
    return {
        "n": len(texts),
        "bytes": size,
        "exact": exact / len(texts) if len(texts) else 1.0,
        "bytes_per_token": size / len(codes) if len(codes) else None,
        "ids_used": len(np.unique(codes)),
        "size": tokenizer.size,
    }
