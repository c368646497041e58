"""Export of a trained model: a folder with weights, shape and vocabulary.

model.safetensors   parameters by name vocabulary.json     the id space and the fingerprints of its tokenizers
config.json         shape and objective; written last, so a folder that has it is complete
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
from ...schemas.errors import Mismatch, Refusal, brief
from ...schemas.vocabulary import Vocabulary
from .attention import AttentionBackend
from .presets import Shape
from .transformer import Transformer

WEIGHTS, VOCABULARY, CONFIG = "model.safetensors", "vocabulary.json", "config.json"
Objective = Literal["masked", "autoregressive"]


class ExportConfig(Strict):
    """Contents of config.json."""

    version: Literal[1] = 1
    objective: Objective
    vocabulary_fingerprint: str
    shape: Shape


class Exported(NamedTuple):
    """A model loaded from an export."""

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
    """Write a model's folder; a reader finds the previous export, an unfinished folder or the new export.

    Args:
        folder: Folder to write; created if it does not exist.
        parameters: Full (unsharded) parameters by name.
        shape: Shape of the transformer.
        vocabulary: Vocabulary that the model was trained with.
        objective: Training objective.
    """
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    (root / CONFIG).unlink(missing_ok=True)
    save_file(
        {name: value.detach().cpu().contiguous() for name, value in parameters.items()}, _temporary(root / WEIGHTS)
    )
    os.replace(_temporary(root / WEIGHTS), root / WEIGHTS)
    config = ExportConfig(objective=objective, vocabulary_fingerprint=vocabulary.fingerprint, shape=shape)
    texts = {VOCABULARY: vocabulary.model_dump(mode="json"), CONFIG: config.model_dump(mode="json")}
    for name, tree in texts.items():
        _temporary(root / name).write_text(json.dumps(tree, indent=1, sort_keys=True), encoding="utf-8")
        os.replace(_temporary(root / name), root / name)


def load_model(
    folder: str | Path, device: torch.device | str = "cpu", attention: AttentionBackend | None = None
) -> Exported:
    """Load an exported model in evaluation mode.

    Args:
        folder: The `model` folder of a run.
        device: Device of the parameters.
        attention: Attention backend; by default the fastest of the device.

    Raises:
        Refusal: If the folder is incomplete, damaged or of another version.
        Mismatch: If the vocabulary is not the one that the model was trained with.
    """
    root = Path(folder)
    try:
        config = ExportConfig.model_validate_json((root / CONFIG).read_bytes())
        vocabulary = Vocabulary.model_validate_json((root / VOCABULARY).read_bytes())
        weights = load_file(root / WEIGHTS, device=str(device))
    except FileNotFoundError as error:
        name = Path(error.filename or WEIGHTS).name
        raise Refusal(f"{folder}: no {name}, so no finished model. Give the `model` folder of a run.") from None
    except (ValidationError, SafetensorError, ValueError) as error:
        detail = brief(error, 200)
        raise Refusal(
            f"{folder}: is damaged, or of another version ({detail}). Export it again.", exit_code=1
        ) from None
    if config.vocabulary_fingerprint != vocabulary.fingerprint:
        pair = (CONFIG, config.vocabulary_fingerprint), (VOCABULARY, vocabulary.fingerprint)
        raise Mismatch.between("vocabulary", *pair, f"Export {folder} again.")
    with torch.device("meta"):
        model = Transformer(config.shape, vocabulary, attention=attention)
    try:
        model.load_state_dict(weights, strict=True, assign=True)
    except RuntimeError as error:
        detail = brief(error, 200)
        raise Refusal(f"{folder}/{WEIGHTS}: does not fit {CONFIG} ({detail}). Export it again.", exit_code=1) from None
    return Exported(model.eval(), vocabulary, config.objective)


def _temporary(path: Path) -> Path:
    return path.with_name(path.name + ".new")
