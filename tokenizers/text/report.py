"""What a round trip through a text tokenizer keeps, and how short it makes text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..protocol import TextTokenizer


def text_report(tokenizer: TextTokenizer, texts: Sequence[str]) -> dict[str, Any]:
    """Round-trip figures: `exact` is the share of texts that come back as they were, `bytes` are UTF-8.

    `bytes_per_token` is None when the texts make no token at all.
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
