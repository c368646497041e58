"""The `dedup:` block of a run file: when two rows are duplicates, by modality."""

from typing import Literal

from pydantic import Field

from ..base import Strict
from ..vocabulary import Modality

Pairs = Literal["media", "both", "either", "text"]


class _Dedup(Strict):
    exact: Literal[True] = Field(True, description="Drop exact duplicates; always on when the modality is compared")


class NearText(Strict):
    """Near-duplicate texts: MinHash over word shingles, or character shingles for scripts without spaces."""

    threshold: float = Field(0.8, ge=0.3, le=0.99, description="Minimum Jaccard similarity of duplicate texts")
    words: int = Field(5, ge=1, le=20, description="Words per shingle")
    permutations: int = Field(128, ge=16, le=1024, description="Number of hash values in a MinHash signature")


class TextDedup(_Dedup):
    """Text duplicates: equal after normalisation, or with almost the same shingles."""

    fold_case: bool = Field(True, description="Treat upper and lower case as equal")
    fold_space: bool = Field(True, description="Collapse runs of white space to one space and strip both ends")
    near: NearText | None = None


class SemanticImage(Strict):
    """Near-duplicate images by cosine similarity of their CLIP embeddings."""

    model: str = Field("ViT-B-32", description="Name of an open_clip architecture")
    path: str = Field(description="Weights of the model: a safetensors file or a folder with safetensors files")
    threshold: float = Field(0.95, gt=0, lt=1, description="Minimum cosine similarity of duplicate images")


class NearImage(Strict):
    """Near-duplicate images: 64-bit perceptual hashes propose pairs, a comparison of thumbnails confirms them."""

    radius: int = Field(6, ge=0, le=12, description="Maximum Hamming distance between hashes of duplicates, in bits")


class ImageDedup(_Dedup):
    """Image duplicates: the same file bytes, a similar perceptual hash, or a similar CLIP embedding."""

    near: NearImage | None = None
    semantic: SemanticImage | None = None


class AudioDedup(_Dedup):
    """Audio duplicates: the same decoded samples, or matching acoustic fingerprints."""

    near: bool = False


class Dedup(Strict):
    """How duplicates are found in each modality. A modality that is left out is not compared."""

    text: TextDedup | None = None
    image: ImageDedup | None = None
    audio: AudioDedup | None = None
    pairs: Pairs = Field("media", description="Which modalities of a sample must match for it to be a duplicate")

    def of(self, modality: Modality) -> TextDedup | ImageDedup | AudioDedup | None:
        """Return the options for `modality`, or None when it is not compared."""
        return {Modality.TEXT: self.text, Modality.IMAGE: self.image, Modality.AUDIO: self.audio}.get(modality)
