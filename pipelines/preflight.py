"""Checks before any work: whether a valid run file can give a dataset."""

import re

from ..schemas.config.run import RunConfig
from ..schemas.dataset.layout import FRAME, TASK_SLOT
from ..schemas.errors import Refusal
from ..schemas.vocabulary import Modality
from ..tokenizers.registry import tokens_per_picture
from .filters.registry import check_filter
from .tokenize.train import exists

HUB_KINDS = ("vq", "transformers")
HUB_NAME = re.compile(r"^[\w.-]+/[\w.-]+(/[\w.-]+)?$")  # owner/name, or owner/name/subfolder


def check_run(config: RunConfig) -> None:
    """Check a run file.

    Raises:
        Refusal: A given tokenizer or something that a filter needs is missing, or a row cannot hold one image.
    """
    for modality in config.modalities:
        name = modality.name.lower()
        tokenizer = getattr(config.tokenizers, name)
        path = tokenizer.path
        if path is None or exists(path) or (tokenizer.kind in HUB_KINDS and HUB_NAME.match(path)):
            continue
        hint = ", or leave `path` out to train one" if hasattr(tokenizer, "training_only") else ""
        raise Refusal(
            f"tokenizers.{name}.path: {path} does not exist. Give the folder or file of a {tokenizer.kind} "
            f"tokenizer{hint}."
        )
    for rule in config.filters:
        check_filter(rule)
    _check_rows(config)


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
