"""The `dedup:` block of a run file: what makes two rows duplicates, and which of them stays."""

from typing import Literal

from pydantic import Field

from ..base import Strict
from ..vocabulary import Modality

Pairs = Literal["media", "both", "either", "text"]


class _Dedup(Strict):
    exact: Literal[True] = Field(True, description="Drop what is the same; near duplicates include these")


class NearText(Strict):
    """MinHash over shingles of words, or of characters where a script has no spaces."""

    threshold: float = Field(0.8, ge=0.3, le=0.99, description="Jaccard similarity from which texts are duplicates")
    words: int = Field(5, ge=1, le=20, description="Words a shingle")
    permutations: int = Field(128, ge=16, le=1024, description="Length of a signature")


class TextDedup(_Dedup):
    """Texts: the same after normalisation, or with almost the same shingles."""

    fold_case: bool = Field(True, description="Upper and lower case are the same")
    fold_space: bool = Field(True, description="Any run of white space is one space, and none at either end")
    near: NearText | None = None


class SemanticImage(Strict):
    """Cosine similarity of CLIP embeddings."""

    model: str = Field("ViT-B-32", description="An architecture of open_clip")
    path: str = Field(description="Its weights: a file or a folder of safetensors")
    threshold: float = Field(0.95, gt=0, lt=1, description="Cosine from which pictures are duplicates")


class NearImage(Strict):
    """Perceptual hashes of 64 bits propose pairs, and small thumbnails decide."""

    radius: int = Field(6, ge=0, le=12, description="Bits in which the hashes of duplicates may differ")


class ImageDedup(_Dedup):
    """Pictures: the same file bytes, almost the same perceptual hash, or almost the same CLIP embedding."""

    near: NearImage | None = None
    semantic: SemanticImage | None = None


class AudioDedup(_Dedup):
    """Clips: the same decoded samples, or acoustic fingerprints that agree."""

    near: bool = False


class Dedup(Strict):
    """Which rows are duplicates of another, by modality; a modality that is left out is not compared."""

    text: TextDedup | None = None
    image: ImageDedup | None = None
    audio: AudioDedup | None = None
    pairs: Pairs = Field("media", description="Which halves of a pair have to be duplicates")

    def of(self, modality: Modality) -> TextDedup | ImageDedup | AudioDedup | None:
        """How values of a modality are compared; None where they are not."""
        return {Modality.TEXT: self.text, Modality.IMAGE: self.image, Modality.AUDIO: self.audio}.get(modality)
