"""What is refused before any work: a run file that validates and yet cannot give a dataset."""

from ..schemas.errors import Refusal
from ..schemas.layout import FRAME, TASK_SLOT
from ..schemas.run import RunConfig
from ..schemas.vocabulary import Modality
from ..tokenizers.registry import tokens_per_picture


def check_rows(config: RunConfig) -> None:
    """Raise Refusal when a row is too short for one picture of some source and a caption of one token."""
    tokens = tokens_per_picture(config.tokenizers.image) if Modality.IMAGE in config.modalities else None
    if tokens is None:
        return
    needed = TASK_SLOT + 1 + FRAME[Modality.TEXT] + tokens + FRAME[Modality.IMAGE]
    for index, source in enumerate(config.sources):
        if Modality.IMAGE in source.modality.modalities and config.row_length < needed:
            raise Refusal(
                f"row_length: {config.row_length} is too short for one picture of source `{source.name}` "
                f"(sources.{index}): a picture is {tokens} tokens, and with its caption and marks a row needs at "
                f"least {needed}. Set row_length to {needed} or more, or tokenizers.image to fewer tokens."
            )
