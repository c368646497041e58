"""Maps the names of filters to their functions, whose modules are imported when they are first needed."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pyarrow as pa

from ...schemas.config.filters.base import Filter
from ...schemas.config.filters.column import Column
from ...schemas.config.filters.image import ClipScore
from ...schemas.config.filters.text import Language
from ...schemas.config.filters.union import AnyFilter
from ...schemas.config.run import Limits
from ...schemas.vocabulary import Modality
from ...tokenizers.image.clip_model import find_clip
from .text import RowsToDrop

# Name of a filter and its function -> the modality that it needs, and its module.
FILTERS = {
    "column": (Modality.TEXT, "column"),  # of every sample, since all kinds have text
    "text_length": (Modality.TEXT, "text"),
    "symbol_ratio": (Modality.TEXT, "text"),
    "repetition": (Modality.TEXT, "repetition"),
    "language": (Modality.TEXT, "language"),
    "pii": (Modality.TEXT, "pii"),
    "image_size": (Modality.IMAGE, "image"),
    "image_aspect": (Modality.IMAGE, "image"),
    "image_constant": (Modality.IMAGE, "image"),
    "clip_score": (Modality.IMAGE, "clip_score"),
    "duration": (Modality.AUDIO, "audio"),
    "silence": (Modality.AUDIO, "audio"),
    "clipping": (Modality.AUDIO, "audio"),
    "transcript_rate": (Modality.AUDIO, "audio"),
}


def modality_of(config: AnyFilter) -> Modality:
    """Return the modality that a filter needs."""
    return FILTERS[config.name][0]


def reason_of(config: AnyFilter) -> str:
    """Return the reason that the ledger gives for the rows that a filter drops."""
    return config.reason if isinstance(config, Column) else config.name


def filter_function(config: AnyFilter) -> Callable[[Filter, pa.Table, Limits], RowsToDrop]:
    """Return the function of a filter, which yields the rows of a RAW table to drop."""
    module = import_module(f".{FILTERS[config.name][1]}", __package__)
    function: Callable[[Any, pa.Table, Limits], RowsToDrop] = getattr(module, config.name)
    return function


def identity_of(config: AnyFilter) -> dict[str, Any]:
    """Return what determines a filter's results: its settings, and the content of its weights."""
    settings: dict[str, Any] = config.identity_body({"sources", "path"})
    if isinstance(config, ClipScore):
        settings["weights"] = find_clip(config.model, config.path).fingerprint
    return settings


def check_filter(config: AnyFilter) -> None:
    """Raise Refusal when something that a filter needs is missing."""
    if isinstance(config, Language):
        from .language import check_language

        check_language(config)
    if isinstance(config, ClipScore):
        find_clip(config.model, config.path)
