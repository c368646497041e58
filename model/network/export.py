"""Export of a trained model: a folder with weights, shape and vocabulary.

model.safetensors   parameters by name vocabulary.json     the id space and the fingerprints of its tokenizers
config.json         shape, objective, and checksums of the two others, sealed; written last, so a folder that has it
                    is complete

A folder for the transformers library (train/handing_on/) has the same three files. Its config.json is that of the
library, with the contents of the above and a seal over the whole file under the key `triptych`.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ...schemas.base import Strict
from ...schemas.errors import Mismatch, Refusal, brief
from ...schemas.identity import file_fingerprint, fingerprint, parse_json, sealed_json, unseal
from ...schemas.vocabulary import Vocabulary
from .attention import AttentionBackend
from .presets import Shape
from .transformer import Transformer

WEIGHTS, VOCABULARY, CONFIG = "model.safetensors", "vocabulary.json", "config.json"
NESTED = "triptych"  # key in the config.json of the transformers library, and its `model_type`
Objective = Literal["masked", "autoregressive"]


class ExportConfig(Strict):
    """Contents of config.json."""

    version: Literal[1, 2, 3] = 1  # 2: audio in the parallel layout; 3: a bias of the head; older readers know neither
    objective: Objective
    vocabulary_fingerprint: str
    shape: Shape
    files: dict[str, str] | None = None  # name -> xxh3-128; None in exports of versions that wrote no checksums


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
    save_weights(root, parameters)
    _replace(root / CONFIG, sealed_json(describe_weights(root, shape, vocabulary, objective)))


def save_weights(root: Path, parameters: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write model.safetensors, by way of a temporary file; the metadata are those of its header."""
    whole = {name: value.detach().cpu().contiguous() for name, value in parameters.items()}
    save_file(whole, _temporary(root / WEIGHTS), dict(metadata) if metadata else None)
    os.replace(_temporary(root / WEIGHTS), root / WEIGHTS)


def describe_weights(root: Path, shape: Shape, vocabulary: Vocabulary, objective: Objective) -> dict[str, Any]:
    """Write vocabulary.json beside the weights, and return the contents of config.json."""
    _replace(root / VOCABULARY, json.dumps(vocabulary.model_dump(mode="json"), indent=1, sort_keys=True).encode())
    config = ExportConfig(
        version=3 if shape.head_bias else 1 if shape.audio_layout == "flat" else 2,
        objective=objective,
        vocabulary_fingerprint=vocabulary.fingerprint,
        shape=shape,
        files={name: file_fingerprint(str(root / name)) for name in (WEIGHTS, VOCABULARY)},
    )
    body = config.model_dump(mode="json")
    if config.version < 3:
        del body["shape"]["head_bias"]
    if config.version < 2:
        del body["shape"]["audio_layout"]
    return body


def nested_config(tree: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Put the contents of config.json into that of the transformers library, with a seal over everything."""
    return tree | {NESTED: body | {"seal": fingerprint(tree | {NESTED: body})}}


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
        config = _read_config((root / CONFIG).read_bytes())
        vocabulary = Vocabulary.model_validate_json((root / VOCABULARY).read_bytes())
        for file, checksum in (config.files or {}).items():
            if file_fingerprint(str(root / file)) != checksum:
                raise ValueError(f"the checksum of {file} does not match")
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


def _read_config(data: bytes) -> ExportConfig:
    """Parse config.json; one without checksums is of a version that did not seal it."""
    tree = parse_json(data)
    if isinstance(tree, dict) and tree.get("model_type") == NESTED:
        tree, sealed = _unnested(tree), False
    else:
        sealed = isinstance(tree, dict) and ("seal" in tree or "files" in tree)
    config = ExportConfig.model_validate_json(json.dumps(unseal(data) if sealed else tree))
    if config.files is not None and config.files.keys() != {WEIGHTS, VOCABULARY}:
        raise ValueError("it lists other files than those of a model")
    return config


def _unnested(tree: dict[str, Any]) -> dict[str, Any]:
    """The contents of config.json in that of the transformers library."""
    inner = tree.get(NESTED)
    if not isinstance(inner, dict) or not isinstance(inner.get("files"), dict):
        raise ValueError("another program wrote it, so it does not describe weights that Triptych knows")
    body = {key: value for key, value in inner.items() if key != "seal"}
    if nested_config({key: value for key, value in tree.items() if key != NESTED}, body) != tree:
        raise ValueError("its seal does not match: it was changed after it was written")
    return body


def _replace(path: Path, data: bytes) -> None:
    _temporary(path).write_bytes(data)
    os.replace(_temporary(path), path)


def _temporary(path: Path) -> Path:
    return path.with_name(path.name + ".new")
