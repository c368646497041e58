"""A trained model as a folder: weights, shape and vocabulary, all that one needs to ask it anything.

model.safetensors   parameters by name
vocabulary.json     the id space and the fingerprints of its tokenizers
config.json         shape and objective; written last, so with it the folder is whole
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ...schemas.base import Strict
from ...schemas.errors import Mismatch, Refusal
from ...schemas.vocabulary import Vocabulary
from .attention import AttentionBackend
from .presets import Shape
from .transformer import Transformer

WEIGHTS, VOCABULARY, CONFIG = "model.safetensors", "vocabulary.json", "config.json"
Objective = Literal["masked", "autoregressive"]


class ExportConfig(Strict):
    """What config.json holds."""

    version: Literal[1] = 1
    objective: Objective
    vocabulary_fingerprint: str
    shape: Shape


class Exported(NamedTuple):
    """A model as it was saved."""

    model: Transformer
    vocabulary: Vocabulary
    objective: Objective


def save_model(
    folder: str | Path,
    parameters: Mapping[str, torch.Tensor],
    shape: Shape,
    vocabulary: Vocabulary,
    objective: Objective,
) -> None:
    """Write whole (not sharded) parameters; a reader sees the folder of before, an unfinished one or this one."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    (root / CONFIG).unlink(missing_ok=True)
    save_file({name: value.detach().cpu().contiguous() for name, value in parameters.items()}, _temporary(root / WEIGHTS))
    os.replace(_temporary(root / WEIGHTS), root / WEIGHTS)
    config = ExportConfig(objective=objective, vocabulary_fingerprint=vocabulary.fingerprint, shape=shape)
    texts = {VOCABULARY: vocabulary.model_dump(mode="json"), CONFIG: config.model_dump(mode="json")}
    for name, tree in texts.items():
        _temporary(root / name).write_text(json.dumps(tree, indent=1, sort_keys=True), encoding="utf-8")
        os.replace(_temporary(root / name), root / name)


def load_model(folder: str | Path, device: torch.device | str = "cpu", attention: AttentionBackend | None = None) -> Exported:
    """The model of a folder, in evaluation mode; raises Refusal unless everything is there and fits."""
    root = Path(folder)
    try:
        config = ExportConfig.model_validate_json((root / CONFIG).read_bytes())
        vocabulary = Vocabulary.model_validate_json((root / VOCABULARY).read_bytes())
        weights = load_file(root / WEIGHTS, device=str(device))
    except FileNotFoundError as error:
        name = Path(error.filename or WEIGHTS).name
        raise Refusal(f"{folder}: no {name}, so no finished model. Give the `model` folder of a run.") from None
    except (ValidationError, SafetensorError, ValueError) as error:
        detail = " ".join(str(error).split())[:200]
        raise Refusal(f"{folder}: is damaged, or of another version ({said}). Export it again.", exit_code=1) from None
    if config.vocabulary_fingerprint != vocabulary.fingerprint:
        pair = (CONFIG, config.vocabulary_fingerprint), (VOCABULARY, vocabulary.fingerprint)
        raise Mismatch.between("vocabulary", *pair, f"Export {folder} again.")
    with torch.device("meta"):
        model = Transformer(config.shape, vocabulary, attention=attention)
    try:
        model.load_state_dict(weights, strict=True, assign=True)
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:200]
        raise Refusal(f"{folder}/{WEIGHTS}: does not fit {CONFIG} ({said}). Export it again.", exit_code=1) from None
    return Exported(model.eval(), vocabulary, config.objective)


def _temporary(path: Path) -> Path:
    return path.with_name(path.name + ".new")
