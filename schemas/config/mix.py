"""The data mix of a training run: prepared datasets, or parts of them, and their shares of the tokens."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from ..base import AddedKey, Strict
from ..vocabulary import Kind


class MixEntry(Strict):
    """A prepared dataset, or the part of its rows with one kind of sample or from certain sources."""

    path: str = Field(min_length=1, description="The prepared dataset, as an fsspec URL")
    weight: PositiveFloat = Field(description="Share of the tokens, relative to the other entries")
    modality: Kind | None = Field(None, description="Only rows of this kind of sample")
    sources: tuple[str, ...] | None = Field(None, min_length=1, description="Only rows of these sources")
    max_epochs: PositiveFloat | None = Field(None, description="Maximum number of passes over the rows of this entry")


class Mixture(Strict):
    """The keys that mix files and the `data:` block of train files have in common."""

    datasets: tuple[MixEntry, ...] = Field(min_length=1)
    batch_tokens: PositiveInt = Field(description="Positions in the rows of one step, padding included")
    allow_overlap: Annotated[bool, AddedKey()] = Field(
        False, description="Go on although documents are held out of one dataset and trained on in another"
    )

    @field_validator("datasets")
    @classmethod
    def _no_entry_twice(cls, datasets: tuple[MixEntry, ...]) -> tuple[MixEntry, ...]:
        parts = [(entry.path.rstrip("/"), entry.modality, entry.sources) for entry in datasets]
        for path, modality, sources in parts:
            if parts.count((path, modality, sources)) > 1:
                what = f"{path}" + (f" with `modality: {modality}`" if modality else "")
                raise ValueError(f"{what} is listed twice; keep one entry and add the two weights")
        return datasets


class MixFile(Mixture):
    """A mix file, for `triptych mix plan`."""

    seed: int = Field(0, ge=0)
