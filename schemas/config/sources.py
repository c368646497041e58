"""The `sources:` block of a run file: where samples come from and which columns they are read from."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, model_validator

from ..base import AddedKey, Strict
from ..vocabulary import Kind, Modality
from .dedup import Pairs

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


def _kind_of(columns: dict[str, Any]) -> Kind:
    """Return the kind of sample that the given media columns imply."""
    return {
        (False, False): Kind.TEXT,
        (True, False): Kind.IMAGE_TEXT,
        (False, True): Kind.AUDIO_TEXT,
        (True, True): Kind.IMAGE_AUDIO_TEXT,
    }[columns.get("image") is not None, columns.get("audio") is not None]


class _Source(Strict):
    name: Name
    path: str = Field(min_length=1, description="An fsspec URL; globs are allowed")
    text: str = Field(min_length=1, description="Column of the text; `a;b` takes the first column that exists")
    image: str | None = Field(None, min_length=1, description="Column of the image")
    audio: str | None = Field(None, min_length=1, description="Column of the audio clip")
    license: str | None = Field(None, min_length=1, description="Column of the licence; rows without one have none")
    modality: Kind = Field(default_factory=_kind_of, description="Kind of the samples; default as the columns imply")
    pairs: Pairs | None = Field(
        None, description="Which modalities of a sample must match for it to be a duplicate; default `dedup.pairs`"
    )
    limit: Annotated[PositiveInt | None, AddedKey()] = Field(
        None, description="Read only the first rows, by file name, then by row; default all"
    )
    priority: int = Field(0, description="Of two duplicates, the one from the source with the higher priority is kept")

    @model_validator(mode="after")
    def _columns_fit_modality(self) -> "_Source":
        for modality in (Modality.IMAGE, Modality.AUDIO):
            key = modality.name.lower()
            wanted, given = modality in self.modality.modalities, getattr(self, key) is not None
            if wanted and not given:
                raise ValueError(f"a source of modality {self.modality} needs `{key}:`, the column of the {key}")
            if given and not wanted:
                raise ValueError(f"`{key}: {getattr(self, key)}` is not used in modality {self.modality}; remove it")
        if self.pairs is not None and self.modality is Kind.TEXT:
            raise ValueError(f"`pairs: {self.pairs}` is not used by a source of text only; remove it")
        return self

    @property
    def fields(self) -> dict[str, tuple[str, ...]]:
        """Candidate columns of each field (text, image, audio, license), in order of preference."""
        names = ("text", "image", "audio", "license")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return {name: tuple(part.strip() for part in columns.split(";")) for name, columns in given.items()}


class JsonlSource(_Source):
    """JSON lines, plain, .gz or .zst; text only (for media files named in a table: `kind: folder`)."""

    kind: Literal["jsonl"]

    @model_validator(mode="after")
    def _text_only(self) -> "JsonlSource":
        if self.modality != Kind.TEXT:
            raise ValueError(f"kind jsonl holds text only, not {self.modality}; use `kind: folder` with a table")
        return self


class ParquetSource(_Source):
    """Parquet files; media are binary columns or {bytes, path} structs."""

    kind: Literal["parquet"]


class WebDatasetSource(_Source):
    """WebDataset tars; columns are member extensions (`image: jpg;png`, `text: txt`) or keys of the .json member."""

    kind: Literal["webdataset"]


class FolderSource(_Source):
    """A folder of media files with a CSV or JSONL table; media columns hold file names relative to the folder."""

    kind: Literal["folder"]
    table: str | None = Field(None, description="File name of the table; default metadata.csv or metadata.jsonl")


class DatasetsSource(_Source):
    """Anything that Hugging Face `datasets.load_dataset` loads, with its Image and Audio features."""

    kind: Literal["datasets"]
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    data_files: str | list[str] | None = None


Source = Annotated[
    JsonlSource | ParquetSource | WebDatasetSource | FolderSource | DatasetsSource, Field(discriminator="kind")
]
