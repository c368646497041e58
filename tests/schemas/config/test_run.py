"""Which fields of a run decide a byte of its dataset, and so its fingerprint."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from triptych.schemas.config.layouts import Join
from triptych.schemas.config.run import RunConfig
from triptych.schemas.vocabulary import Modality

TREE: dict[str, Any] = {
    "name": "run",
    "out": "out",
    "seed": 0,
    "row_length": 512,
    "engine": {"kind": "serial"},
    "sources": [
        {"name": "a", "kind": "jsonl", "path": "a/*.jsonl", "modality": "text", "text": "text"},
        {"name": "b", "kind": "webdataset", "path": "b.tar", "modality": "image-text", "image": "png", "text": "txt"},
        {
            "name": "c",
            "kind": "parquet",
            "path": "c.parquet",
            "modality": "audio-text",
            "audio": "audio",
            "text": "text",
        },
        {"name": "d", "kind": "datasets", "path": "d", "modality": "text", "text": "text", "split": "train"},
        {"name": "e", "kind": "folder", "path": "e", "modality": "image-text", "image": "png", "text": "txt"},
    ],
    "tokenizers": {
        "text": {"kind": "sentencepiece", "vocab_size": 400},
        "image": {"kind": "vq", "size": 32, "steps": 20},
        "audio": {"kind": "rvq", "steps": 20},
    },
    "pack": {"group_by": "modality"},
    "limits": {"pixels": 1000},
    "dedup": {
        "text": {"near": {"threshold": 0.7}},
        "image": {"near": {"radius": 4}, "semantic": {"path": "clip"}},
        "audio": {"near": True},
        "pairs": "both",
    },
    "filters": [
        {"name": "text_length", "min_chars": 20, "max_chars": 90, "min_words": 2, "max_words": 9, "sources": ["a"]},
        {"name": "symbol_ratio", "sources": ["a"]},
        {"name": "repetition", "sources": ["a"]},
        {"name": "language", "keep": ["en"], "sources": ["a"]},
        {"name": "pii", "sources": ["a"]},
        {"name": "image_size", "min_side": 2, "max_side": 90, "max_pixels": 99, "sources": ["b"]},
        {"name": "image_aspect", "sources": ["b"]},
        {"name": "image_constant", "sources": ["b"]},
        {"name": "clip_score", "path": "clip", "sources": ["b"]},
        {"name": "duration", "min_seconds": 1, "max_seconds": 9, "sources": ["c"]},
        {"name": "silence", "sources": ["c"]},
        {"name": "clipping", "sources": ["c"]},
        {"name": "transcript_rate", "min": 1, "max": 9, "sources": ["c"]},
    ],
    "decontaminate": [{"name": "held-out", "kind": "jsonl", "path": "eval.jsonl", "text": "text"}],
}
BASE = RunConfig.model_validate(TREE)

# Where things lie and who does the work: nothing of the dataset follows from them.
PLACES = {"out", "card", "engine.kind", "dedup.image.semantic.path", "limits.unit_seconds"}
OTHER: dict[str, Any] = {
    "tokenizers.text.kind": "huggingface",
    "tokenizers.image.kind": "transformers",
    "tokenizers.audio.kind": "transformers",
    "tokenizers.audio.sample_rate": 24000,
    "tokenizers.image.downsample": 4,
    "tokenizers.image.size": 64,
    "tokenizers.text.vocab_size": 401,
    "tokenizers.audio.levels": 3,
    "pack.group_by": "source",
    "sources.0.modality": "image-text",
    "sources.4.join": Join(table="images", on="image_id = id"),
    "decontaminate.0.modality": "image-text",
    **{f"filters.{number}.sources": ("a", "d") for number in range(13)},
    "filters.2.max_top_ngram": {2: 0.3},
    "filters.2.max_duplicate_ngrams": {5: 0.3},
    "filters.3.keep": ("en", "de"),
}


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Every field of a model tree by its dotted path."""
    if isinstance(value, BaseModel):
        found: dict[str, Any] = {}
        for name in type(value).model_fields:
            found |= leaves(getattr(value, name), f"{path}.{name}".lstrip("."))
        return found
    if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        return {key: leaf for i, item in enumerate(value) for key, leaf in leaves(item, f"{path}.{i}").items()}
    return {path: value}


LEAVES = leaves(BASE)


def changed(path: str) -> RunConfig:
    """BASE with one field of another value, unchecked: what is asked is the fingerprint alone."""

    def rebuild(node: Any, parts: list[str]) -> Any:
        if not parts:
            value = LEAVES[path]
            if path in OTHER:
                return OTHER[path]
            if value is None or isinstance(value, str):
                return f"{value or ''}x"
            return ("x",) if isinstance(value, tuple) else value + 1
        if isinstance(node, tuple):
            at = int(parts[0])
            return (*node[:at], rebuild(node[at], parts[1:]), *node[at + 1 :])
        return node.model_copy(update={parts[0]: rebuild(getattr(node, parts[0]), parts[1:])})

    config: RunConfig = rebuild(BASE, path.split("."))
    assert leaves(config) != LEAVES
    return config


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("path", sorted(LEAVES))
def test_the_fingerprint_follows_what_decides_bytes_and_nothing_else(path: str) -> None:
    lists = ("sources.", "decontaminate.", "filters.")
    same = path in PLACES or (path.startswith(lists) and path.endswith(".path"))
    assert (changed(path).fingerprint == BASE.fingerprint) is same


def test_the_fields_that_were_tried_are_all_there_are() -> None:
    assert {path.split(".")[0] for path in LEAVES} == set(RunConfig.model_fields)
    assert len(LEAVES) > 60


@pytest.mark.parametrize(
    "engine", [{"kind": "dask"}, {"kind": "dask", "workers": 7}, {"kind": "dask", "scheduler": "tcp://host:8786"}]
)
def test_no_engine_shows(engine: dict[str, Any]) -> None:
    assert RunConfig.model_validate(TREE | {"engine": engine}).fingerprint == BASE.fingerprint


def test_a_pair_judged_by_both_halves_needs_both_compared() -> None:
    with pytest.raises(ValidationError, match=r"compares the audio of source `c`.*dedup.audio: \{exact: true\}"):
        RunConfig.model_validate(TREE | {"dedup": {"text": {}, "image": {}, "pairs": "both"}})


def test_what_is_held_out_has_a_name_of_its_own_and_the_kind_of_its_columns() -> None:
    assert BASE.decontaminate[0].modality == "text"
    with pytest.raises(ValidationError, match="two sources are called `a`"):
        RunConfig.model_validate(TREE | {"decontaminate": [TREE["sources"][0]]})


def test_a_filter_is_for_sources_that_are_there() -> None:
    with pytest.raises(ValidationError, match="`pii` is for source `z`; the sources are: a, b, c, d, e"):
        RunConfig.model_validate(TREE | {"filters": [{"name": "pii", "sources": ["a", "z"]}]})


def test_the_order_of_keys_does_not_show_and_that_of_sources_does() -> None:
    assert RunConfig.model_validate(dict(reversed(TREE.items()))).fingerprint == BASE.fingerprint
    turned = TREE | {"sources": TREE["sources"][::-1]}
    assert RunConfig.model_validate(turned).fingerprint != BASE.fingerprint


def test_what_is_left_out_is_its_default() -> None:
    assert RunConfig.model_validate(TREE | {"threads": 1, "seed": 0}).fingerprint == BASE.fingerprint


def test_modalities_are_those_of_the_sources() -> None:
    assert BASE.modalities == (Modality.TEXT, Modality.IMAGE, Modality.AUDIO)
    alone = {"sources": TREE["sources"][:1], "filters": []}
    assert RunConfig.model_validate(TREE | alone).modalities == (Modality.TEXT,)


def test_the_models_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        BASE.seed = 1  # type: ignore[misc]


def test_a_config_can_be_read_again_from_what_is_written_of_it() -> None:
    given = {
        "text": {"kind": "sentencepiece", "path": "text.model"},
        "image": {"kind": "vq", "path": "vq", "size": 64},
        "audio": {"kind": "rvq", "path": "rvq"},
    }
    for tree in (TREE, TREE | {"tokenizers": given}):
        config = RunConfig.model_validate(tree)
        assert RunConfig.model_validate_json(config.model_dump_json()) == config


def test_options_of_training_do_not_count_for_a_tokenizer_that_is_given() -> None:
    image = {"kind": "vq", "path": "vq", "size": 64}
    config = RunConfig.model_validate(TREE | {"tokenizers": {"image": image}})
    assert config.tokenizers.image.model_dump() == image
    elsewhere = RunConfig.model_validate(TREE | {"tokenizers": {"image": image | {"path": "there"}}})
    assert elsewhere.fingerprint == config.fingerprint
