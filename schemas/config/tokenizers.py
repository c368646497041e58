"""The `tokenizers:` block of a run file: what turns text, images and audio into token ids.

A tokenizer without `path` is trained in the run. One with `path` is loaded, and the options that only matter
for training are refused.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    Field,
    PositiveInt,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from ..base import AddedKey, Strict


class _Trainable(Strict):
    training_only: ClassVar[tuple[str, ...]] = ()

    path: str | None = None

    @model_validator(mode="after")
    def _path_or_training(self) -> "_Trainable":
        clash = [key for key in self.training_only if key in self.model_fields_set]
        if self.path is not None and clash:
            raise ValueError(f"`{clash[0]}` is set by the tokenizer at `path: {self.path}`; remove one of the two")
        return self

    # pydantic runs one serializer a model, so this one calls that of the base class
    @model_serializer(mode="wrap")
    def _without_unused_training_options(
        self, write: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        tree = self._without_unused_added_keys(write, info)
        return {key: tree[key] for key in tree if self.path is None or key not in self.training_only}

    @property
    def trained_in_run(self) -> bool:
        """True when this tokenizer is trained in the run."""
        return self.path is None


class SentencePieceConfig(_Trainable):
    """SentencePiece with byte fallback and without normalisation, so that every text round-trips exactly."""

    training_only: ClassVar = ("model", "vocab_size", "sample_bytes")

    kind: Literal["sentencepiece"] = "sentencepiece"
    model: Annotated[Literal["bpe", "unigram"], AddedKey(before="unigram")] = Field(
        "bpe", description="Algorithm: byte-pair encoding, or the slower unigram model"
    )
    vocab_size: int = Field(8000, ge=300, le=10_000_000, description="Number of pieces, including 256 byte pieces")
    sample_bytes: PositiveInt = Field(10_000_000, description="Bytes of training text, sampled by document id")


class HuggingFaceTextConfig(Strict):
    """A Hugging Face `tokenizer.json`."""

    trained_in_run: ClassVar[bool] = False

    kind: Literal["huggingface"]
    path: str


class TiktokenConfig(Strict):
    """A tiktoken rank file (.tiktoken) and the name of its split pattern."""

    trained_in_run: ClassVar[bool] = False

    kind: Literal["tiktoken"]
    path: str
    pattern: Literal["gpt2", "cl100k_base", "o200k_base"] = "cl100k_base"


class VqConfig(_Trainable):
    """A diffusers VQModel. Images are resized so that the short side is `size`, then centre-cropped."""

    training_only: ClassVar = ("downsample", "codes", "steps")

    kind: Literal["vq"] = "vq"
    size: PositiveInt = Field(128, le=65536, description="Side of the square image, in pixels")
    downsample: Literal[4, 8, 16] = Field(8, description="Pixels per token along each side")
    codes: int = Field(1024, ge=2, le=65536)
    steps: PositiveInt = 1500

    @model_validator(mode="after")
    def _whole_grid(self) -> "VqConfig":
        if self.path is None and self.size % self.downsample:
            raise ValueError(f"`size: {self.size}` is not a multiple of `downsample: {self.downsample}`")
        return self


class TransformersImageConfig(Strict):
    """A VQ model of transformers that has a decoder (Emu3VQVAE, JanusVQVAE)."""

    trained_in_run: ClassVar[bool] = False

    kind: Literal["transformers"]
    path: str
    size: PositiveInt = Field(256, le=65536, description="Side of the square image, in pixels")


class RvqConfig(_Trainable):
    """Residual k-means over log-mel frames (50 per second, `levels` tokens each) with a small refiner network."""

    training_only: ClassVar = ("sample_rate", "levels", "codes", "steps")

    kind: Literal["rvq"] = "rvq"
    sample_rate: Literal[16000, 24000] = 16000
    levels: int = Field(4, ge=1, le=16)
    codes: int = Field(1024, ge=2, le=65536)
    steps: PositiveInt = Field(600, description="Training steps of the refiner")


class TransformersAudioConfig(Strict):
    """A neural audio codec of transformers: EnCodec, DAC, Mimi, HiggsAudioV2, X-codec."""

    trained_in_run: ClassVar[bool] = False

    kind: Literal["transformers"]
    path: str
    levels: PositiveInt | None = Field(None, description="Number of codebooks to keep; default all of the model")


TextConfig = Annotated[SentencePieceConfig | HuggingFaceTextConfig | TiktokenConfig, Field(discriminator="kind")]
ImageConfig = Annotated[VqConfig | TransformersImageConfig, Field(discriminator="kind")]
AudioConfig = Annotated[RvqConfig | TransformersAudioConfig, Field(discriminator="kind")]


class Tokenizers(Strict):
    """One tokenizer per modality; image and audio are used only when a source has that modality."""

    text: TextConfig = Field(default_factory=SentencePieceConfig)
    image: ImageConfig = Field(default_factory=VqConfig)
    audio: AudioConfig = Field(default_factory=RvqConfig)
