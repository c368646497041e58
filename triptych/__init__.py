"""Triptych: tri-modal corpora to packed Arrow shards of tokens, and a trainer and sampler that consume them.

The names below are the public Python interface. Everything else in the package may change between versions.
Each name is imported when it is first used, so that ``import triptych`` stays cheap.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .dataset import Dataset, Decoded, Segment, prepare
    from .generator import Generator
    from .model.huggingface.configuration_triptych import TriptychConfig
    from .model.huggingface.modeling_triptych import TriptychModel
    from .model.huggingface.tokenization_triptych import TriptychTokenizer
    from .rows import MixRow, MixRows, MixStream
    from .schemas.errors import Refusal

    __version__: str

__all__ = [
    "Dataset",
    "Decoded",
    "Generator",
    "MixRow",
    "MixRows",
    "MixStream",
    "Refusal",
    "Segment",
    "TriptychConfig",
    "TriptychModel",
    "TriptychTokenizer",
    "__version__",
    "prepare",
]

_PLACES = {
    "Dataset": "dataset",
    "Decoded": "dataset",
    "Segment": "dataset",
    "prepare": "dataset",
    "Generator": "generator",
    "MixRow": "rows",
    "MixRows": "rows",
    "MixStream": "rows",
    "Refusal": "schemas.errors",
    "TriptychConfig": "model.huggingface.configuration_triptych",
    "TriptychModel": "model.huggingface.modeling_triptych",
    "TriptychTokenizer": "model.huggingface.tokenization_triptych",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    import importlib

    if name == "__version__":
        from importlib.metadata import version

        value: object = version("triptych")
    elif name in _PLACES:
        value = getattr(importlib.import_module(f".{_PLACES[name]}", __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
