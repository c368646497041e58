"""Contents of the files that the transformers library reads: configuration, sampling defaults, tokenizer, classes."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...model.network.export import NESTED, Objective
from ...model.network.presets import Shape
from ...model.network.rope import BASE
from ...model.network.transformer import EPS
from ...model.sampling.defaults import DEFAULTS
from ...schemas.config.sampling import SamplingConfig
from ...schemas.dataset.tokenizer_card import Card
from ...schemas.vocabulary import SPECIALS, Special, Vocabulary

CLASSES = ("configuration_triptych", "modeling_triptych", "generation_triptych", "tokenization_triptych")
TEXT_FILE = "text.vocabulary"  # as tokenization_triptych.py names it


def class_sources() -> dict[str, bytes]:
    """Name and text of the modules that an export holds a copy of; nothing is imported."""
    found = {}
    for name in CLASSES:
        spec = importlib.util.find_spec(f"...model.huggingface.{name}", __package__)
        assert spec is not None
        assert spec.origin is not None
        found[f"{name}.py"] = Path(spec.origin).read_bytes()
    return found


def library_config(shape: Shape, vocabulary: Vocabulary, objective: Objective) -> dict[str, Any]:
    """The config.json of the library, without what Triptych's own commands read."""
    model = "modeling_triptych.TriptychModel"
    return {
        "model_type": NESTED,
        "architectures": ["TriptychModel"],
        "auto_map": {
            "AutoConfig": "configuration_triptych.TriptychConfig",
            "AutoModel": model,
            **({"AutoModelForMaskedLM": model} if objective == "masked" else {}),
        },
        "dtype": "float32",
        "vocab_size": vocabulary.size,
        "hidden_size": shape.width,
        "num_hidden_layers": shape.depth,
        "head_dim": shape.head_size,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.hidden,
        "branch_scale": shape.branch_scale,
        "rms_norm_eps": EPS,
        "rope_theta": BASE,
        "objective": objective,
        "audio_layout": shape.audio_layout,
        "head_bias": shape.head_bias,
        "slices": [[block.modality.name.lower(), *block[1:]] for block in vocabulary.slices],
        "pad_token_id": int(Special.PAD),
        "eos_token_id": int(Special.EOS),
        "tie_word_embeddings": False,
    }


def generation_config() -> dict[str, Any]:
    """The generation_config.json: settings of `generate`, and Triptych's own defaults of each task."""
    general = SamplingConfig()
    return {
        "do_sample": True,
        "temperature": general.temperature,
        "steps": general.steps,
        "pad_token_id": int(Special.PAD),
        "eos_token_id": int(Special.EOS),
        "tasks": {str(task): config.model_dump(mode="json", exclude_unset=True) for task, config in DEFAULTS.items()},
    }


def text_model(card: Card, folder: Path) -> bytes | None:
    """The file of a text tokenizer below a folder; None if there is none."""
    # a machine that trains may lack the libraries of text tokenizers
    from ...tokenizers.text import huggingface_text, sentencepiece_text, tiktoken_text

    if card.files is None:
        return None
    modules: dict[str, Any] = {
        "sentencepiece": sentencepiece_text,
        "huggingface": huggingface_text,
        "tiktoken": tiktoken_text,
    }
    path = folder / card.files
    file: str = modules[card.config["kind"]].MODEL_FILE
    return (path / file if path.is_dir() else path).read_bytes()


def tokenizer_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The tokenizer_config.json for the config of a text tokenizer."""
    from ...tokenizers.text.tiktoken_text import PATTERNS

    return {
        "tokenizer_class": "TriptychTokenizer",
        "auto_map": {"AutoTokenizer": ["tokenization_triptych.TriptychTokenizer", None]},
        "kind": config["kind"],
        "offset": SPECIALS,
        "pattern": PATTERNS[config["pattern"]] if "pattern" in config else None,
    }
