"""The `sources:` block of a run file: where samples come from and which columns make them up."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ..base import Strict
from ..vocabulary import Kind, Modality
from .dedup import Pairs

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


def _kind_of(columns: dict[str, Any]) -> Kind:
    """The kind of samples that the columns given make up."""
    return {
        (False, False): Kind.TEXT,
        (True, False): Kind.IMAGE_TEXT,
        (False, True): Kind.AUDIO_TEXT,
        (True, True): Kind.IMAGE_AUDIO_TEXT,
    }[columns.get("image") is not None, columns.get("audio") is not None]


class _Source(Strict):
    name: Name
    path: str = Field(min_length=1, description="An fsspec URL; globs allowed")
    text: str = Field(min_length=1, description="Column of the text; `a;b` takes the first that is there")
    image: str | None = Field(None, min_length=1, description="Column of the picture")
    audio: str | None = Field(None, min_length=1, description="Column of the clip")
    license: str | None = Field(None, min_length=1, description="Column of the licence; where it has none stays empty")
    modality: Kind = Field(default_factory=_kind_of, description="Default: what the columns make up")
    pairs: Pairs | None = Field(None, description="Which halves have to be duplicates; default `dedup.pairs`")
    priority: int = Field(0, description="Of two duplicates that of the source with the higher one stays")

    @model_validator(mode="after")
    def _columns_fit_modality(self) -> "_Source":
        for modality in (Modality.IMAGE, Modality.AUDIO):
            key = modality.name.lower()
            wanted, given = modality in self.modality.modalities, getattr(self, key) is not None
            if wanted and not given:
                raise ValueError(f"a source of modality {self.modality} needs `{key}:`, the column of the {key}")
            if given and not wanted:
                raise ValueError(f"`{key}: {getattr(self, key)}` has no use in modality {self.modality}; remove it")
        if self.pairs is not None and self.modality is Kind.TEXT:
            raise ValueError(f"`pairs: {self.pairs}` has no use for a source of text alone; remove it")
        return self

    @property
    def fields(self) -> dict[str, tuple[str, ...]]:
        """What is read of a row (text, image, audio, license): the columns to take it from, in order of preference."""
        names = ("text", "image", "audio", "license")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return {name: tuple(part.strip() for part in columns.split(";")) for name, columns in given.items()}


class JsonlSource(_Source):
    """JSON lines, plain, .gz or .zst; text only (pictures and clips by name: `kind: folder`)."""

    kind: Literal["jsonl"]

    @model_validator(mode="after")
    def _text_only(self) -> "JsonlSource":
        if self.modality != Kind.TEXT:
            raise ValueError(f"kind jsonl carries text alone, not {self.modality}; use `kind: folder` with a table")
        return self


class ParquetSource(_Source):
    """Parquet files; media as binary columns or as {bytes, path} structs."""

    kind: Literal["parquet"]


class WebDatasetSource(_Source):
    """WebDataset tars; columns are member extensions (`image: jpg;png`, `text: txt` or a key of the .json)."""

    kind: Literal["webdataset"]


class FolderSource(_Source):
    """A folder of media files and a CSV or JSONL table; media columns hold file names relative to the folder."""

    kind: Literal["folder"]
    table: str | None = Field(None, description="The table's name in the folder; default metadata.csv or .jsonl")


class DatasetsSource(_Source):
    """Anything that Hugging Face `datasets.load_dataset` takes, with its Image and Audio features."""

    kind: Literal["datasets"]
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    data_files: str | list[str] | None = None


Source = Annotated[
    JsonlSource | ParquetSource | WebDatasetSource | FolderSource | DatasetsSource, Field(discriminator="kind")
]
