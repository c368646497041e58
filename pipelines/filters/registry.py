"""From a filter's name to the function that judges by it, imported when it is first needed."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pyarrow as pa

from ...schemas.config.filters.base import Filter
from ...schemas.config.filters.image import ClipScore
from ...schemas.config.filters.text import Language
from ...schemas.config.filters.union import AnyFilter
from ...schemas.config.run import Limits
from ...schemas.vocabulary import Modality
from ...tokenizers.image.clip_model import find_clip
from .text import Complaints

# The modality that a source must have, and the module; the function has the filter's name.
FILTERS = {
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
    """The modality that a filter judges."""
    return FILTERS[config.name][0]


def judge_of(config: AnyFilter) -> Callable[[Filter, pa.Table, Limits], Complaints]:
    """The function that yields the rows of a RAW table about which a filter complains."""
    module = import_module(f".{FILTERS[config.name][1]}", __package__)
    judge: Callable[[Any, pa.Table, Limits], Complaints] = getattr(module, config.name)
    return judge


def identity_of(config: AnyFilter) -> dict[str, Any]:
    """What decides on a filter's answers: its settings, and the content of its weights wherever they lie."""
    settings: dict[str, Any] = config.model_dump(mode="json", exclude={"sources", "path"})
    if isinstance(config, ClipScore):
        settings["weights"] = find_clip(config.model, config.path).fingerprint
    return settings


def check_filter(config: AnyFilter) -> None:
    """Raise Refusal when what a filter needs is not there."""
    if isinstance(config, Language):
        from .language import check_language

        check_language(config)
    if isinstance(config, ClipScore):
        find_clip(config.model, config.path)
