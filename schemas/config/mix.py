"""What a run trains on: prepared datasets, or parts of them, and the share of tokens that each is to have."""

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from ..base import Strict
from ..vocabulary import Kind


class MixEntry(Strict):
    """A prepared dataset, or the rows of it that hold one kind of sample or certain sources."""

    path: str = Field(min_length=1, description="Of the prepared dataset; any fsspec URL")
    weight: PositiveFloat = Field(description="Share of the tokens, relative to the other entries")
    modality: Kind | None = Field(None, description="Only rows of this kind of sample")
    sources: tuple[str, ...] | None = Field(None, min_length=1, description="Only rows of these sources")
    max_epochs: PositiveFloat | None = Field(None, description="Most often that its rows may be read")


class Mixture(Strict):
    """The keys that a mix file and the `data:` block of a train file have in common."""

    datasets: tuple[MixEntry, ...] = Field(min_length=1)
    batch_tokens: PositiveInt = Field(description="Places in the rows of a step, padding included")

    @field_validator("datasets")
    @classmethod
    def _no_entry_twice(cls, datasets: tuple[MixEntry, ...]) -> tuple[MixEntry, ...]:
        parts = [(entry.path.rstrip("/"), entry.modality, entry.sources) for entry in datasets]
        for path, modality, sources in parts:
            if parts.count((path, modality, sources)) > 1:
                what = f"{path}" + (f" with `modality: {modality}`" if modality else "")
                raise ValueError(f"{what} stands there twice; add the two weights")
        return datasets


class MixFile(Mixture):
    """A mix to be planned."""

    seed: int = Field(0, ge=0)
