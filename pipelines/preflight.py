"""Checks before any work: whether a valid run file can give a dataset."""

import re

from ..schemas.config.run import RunConfig
from ..schemas.dataset.layout import FRAME, TASK_SLOT
from ..schemas.dataset.manifest import MANIFEST, parse_manifest
from ..schemas.errors import Refusal
from ..schemas.storage.store import Store
from ..schemas.vocabulary import Modality
from ..tokenizers.image.clip_model import find_clip
from ..tokenizers.registry import require_files, tokens_per_picture
from .filters.registry import check_filter
from .tokenize.train import exists

HUB_KINDS = ("vq", "transformers")
HUB_NAME = re.compile(r"^[\w.-]+/[\w.-]+(/[\w.-]+)?$")  # owner/name, or owner/name/subfolder


def check_run(config: RunConfig) -> None:
    """Check a run file.

    Raises:
        Refusal: A tokenizer, or a model of a filter or of deduplication, is missing, or a row cannot hold one image.
    """
    for modality in config.modalities:
        name = modality.name.lower()
        tokenizer = getattr(config.tokenizers, name)
        path = tokenizer.path
        if path is None:
            continue
        if exists(path):
            require_files(tokenizer)
            continue
        if tokenizer.kind in HUB_KINDS and HUB_NAME.match(path):
            continue
        hint = ", or leave `path` out to train one" if hasattr(tokenizer, "training_only") else ""
        raise Refusal(
            f"tokenizers.{name}.path: {path} does not exist. Give the folder or file of a {tokenizer.kind} "
            f"tokenizer{hint}."
        )
    for rule in config.filters:
        check_filter(rule)
    if Modality.IMAGE in config.modalities and config.dedup.image is not None and config.dedup.image.semantic:
        find_clip(config.dedup.image.semantic.model, config.dedup.image.semantic.path)
    _check_rows(config)


def require_more_rows(config: RunConfig, store: Store) -> None:
    """Keep a run with `limit` from replacing a finished dataset of more rows.

    Rows are never mixed: a run into the same `out` replaces the dataset by its own. That is a loss only when a try
    replaces the whole.

    Raises:
        Refusal: The dataset in `store` holds more of a source than the run would read.
    """
    limits = {source.name: source.limit for source in config.sources if source.limit is not None}
    if not limits or not store.exists(MANIFEST):
        return
    before = parse_manifest(store.read(MANIFEST), store.path(MANIFEST)).config["sources"]
    for source in before:
        new, old = limits.get(source["name"]), source.get("limit")
        if new is not None and (old is None or old > new):
            rows = "all rows" if old is None else f"the first {old:,} rows"
            raise Refusal(
                f"out: {store.url} holds a finished dataset of {rows} of source `{source['name']}`, and a run with "
                f"`limit: {new}` would replace it. Write to another place, such as --set "
                f"out={store.url.rstrip('/')}-limit-{new}, or delete that dataset."
            )


def _check_rows(config: RunConfig) -> None:
    """Raise Refusal when a row is too short for an image of some source with a caption of one token."""
    tokens = tokens_per_picture(config.tokenizers.image) if Modality.IMAGE in config.modalities else None
    if tokens is None:
        return
    needed = TASK_SLOT + 1 + FRAME[Modality.TEXT] + tokens + FRAME[Modality.IMAGE]
    for index, source in enumerate(config.sources):
        if Modality.IMAGE in source.modality.modalities and config.row_length < needed:
            raise Refusal(
                f"row_length: {config.row_length} is too short for one image of source `{source.name}` "
                f"(sources.{index}): an image has {tokens} tokens, and with its caption and special tokens a row needs "
                f"at least {needed}. Set row_length to {needed} or more, or tokenizers.image to fewer tokens."
            )
