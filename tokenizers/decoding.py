"""What decoded media depend on besides their files, for the identities of stages that decode them."""

from ..schemas.vocabulary import Modality
from .image.optional_formats import installed

AUDIO_VERSION = 2  # raise it when a clip that was read before becomes another wave
IMAGE_VERSION = 2  # and this one for an image and its pixels


def decoding_identity(*modalities: Modality) -> list[object]:
    """Versions of the decoders, and the optional formats that this environment reads; nothing for texts."""
    parts: list[object] = []
    if Modality.IMAGE in modalities:
        parts += [IMAGE_VERSION, installed()]
    if Modality.AUDIO in modalities:
        parts.append(AUDIO_VERSION)
    return parts
