"""The `sources:` block of a run file: where samples come from and which columns they are read from."""

import codecs
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, PrivateAttr, field_validator, model_validator

from ..base import AddedKey, Strict
from ..vocabulary import Kind, Modality
from .columns import column_field
from .dedup import Pairs
from .layouts import Join, TextFrom
from .table_format import TableColumn, check_table_format

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=200)]
Column = Annotated[str, Field(min_length=1)]


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
    text_from: Annotated[TextFrom | None, AddedKey()] = Field(
        None, description="What becomes of a list of texts: the first, one drawn, all as lines, or a sample for each"
    )
    license: str | None = Field(None, min_length=1, description="Column of the licence; rows without one have none")
    modality: Kind = Field(default_factory=_kind_of, description="Kind of the samples; default as the columns imply")
    pairs: Pairs | None = Field(
        None, description="Which modalities of a sample must match for it to be a duplicate; default `dedup.pairs`"
    )
    limit: Annotated[PositiveInt | None, AddedKey()] = Field(
        None, description="Read only the first rows, by file name, then by row; default all"
    )
    priority: int = Field(0, description="Of two duplicates, the one from the source with the higher priority is kept")
    keep: Annotated[tuple[Column, ...], AddedKey()] = Field(
        (), description="Columns that go with each sample into the segment table, as JSON: `keep: [url, score]`"
    )
    _filtered: tuple[str, ...] = PrivateAttr(())  # columns that filters of the run read

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

    @model_validator(mode="after")
    def _kept_columns_differ(self) -> "_Source":
        twice = sorted({column for column in self.keep if self.keep.count(column) > 1})
        if twice:
            raise ValueError(f"`keep` names the column {twice[0]!r} twice; remove one")
        return self

    @property
    def fields(self) -> dict[str, tuple[str, ...]]:
        """Candidate columns of each field (text, image, audio, license), in order of preference; those of `carried`."""
        names = ("text", "image", "audio", "license")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        found = {name: tuple(part.strip() for part in columns.split(";")) for name, columns in given.items()}
        return found | {column_field(column): (column,) for column in self.carried}

    @property
    def carried(self) -> tuple[str, ...]:
        """Columns that are read beside text and media: those to keep, then those that only filters need."""
        return tuple(dict.fromkeys((*self.keep, *self._filtered)))

    @property
    def filtered(self) -> tuple[str, ...]:
        """Columns that the filters of the run read."""
        return self._filtered

    def filter_by(self, columns: tuple[str, ...]) -> None:
        """Set the columns that the filters of the run read; done by the run file, which holds both."""
        self._filtered = columns


class JsonlSource(_Source):
    """JSON lines, plain or compressed; text only (for media files named in a table: `kind: folder`)."""

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


class FilesSource(_Source):
    """Whole files as texts, one document a file."""

    kind: Literal["files"]
    text: str = Field("content", pattern="^content$", description="The content of the file; may be left out")
    encoding: str = Field("utf-8", description="Encoding of the files, by its name in Python")

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, encoding: str) -> str:
        try:
            codecs.lookup(encoding)
            "".encode(encoding)  # refuses codecs that are not for text, such as base64
        except LookupError:
            raise ValueError(f"Python knows no text encoding {encoding!r}; use one such as utf-8 or cp1252") from None
        return encoding

    @model_validator(mode="after")
    def _content_only(self) -> "FilesSource":
        for key in ("license", "text_from", "pairs"):
            if getattr(self, key) is not None:
                raise ValueError(f"`{key}` is not used by kind files, whose files have no columns; remove it")
        if self.modality != Kind.TEXT:
            raise ValueError(f"kind files holds text only, not {self.modality}; use `kind: folder`")
        return self


_OF_TABLES = ("table", "records", "join", "path_prefix", "path_suffix", "delimiter", "quoting", "columns")


class FolderSource(_Source):
    """A folder of media files with a table; media columns hold file names relative to the folder."""

    kind: Literal["folder"]
    table: str | None = Field(
        None,
        description="File name of the table; default metadata.csv, metadata.jsonl or metadata.parquet. May be a glob; "
        "then the names in each table are relative to the table's own folder",
    )
    delimiter: Annotated[str | None, AddedKey()] = Field(
        None,
        description="Character between the fields of a text table; default a tab in .tsv, otherwise a comma. "
        "`first_space`: the first space of a line divides its two fields",
    )
    quoting: Annotated[Literal["none", "csv"] | None, AddedKey()] = Field(
        None,
        description="`none`: a quote is a character like others; `csv`: a field may be enclosed in double quotes; "
        "default none in .tsv, otherwise csv",
    )
    columns: Annotated[tuple[TableColumn, ...] | None, AddedKey()] = Field(
        None, min_length=1, description="Names of the columns of a text table that has no header line"
    )
    records: Annotated[str | None, AddedKey()] = Field(
        None, min_length=1, description="Key of the list of records, for a table that is one JSON object"
    )
    join: Annotated[Join | None, AddedKey()] = Field(
        None, description="A second table of the same JSON object: `{table: images, on: image_id = id}`"
    )
    path_prefix: Annotated[str, AddedKey()] = Field("", description="What file names in the table begin with: `clips/`")
    path_suffix: Annotated[str, AddedKey()] = Field("", description="What file names in the table lack: `.wav`")
    pair_by: Annotated[str | None, AddedKey()] = Field(
        None,
        pattern="^name$",
        description="Without a table: `name` pairs files of one name; columns are file extensions then",
    )

    @model_validator(mode="after")
    def _one_layout(self) -> "FolderSource":
        if self.pair_by is not None:
            for key in (*_OF_TABLES, "license", "text_from"):
                if getattr(self, key):
                    raise ValueError(f"`{key}` is not used with `pair_by: name`, which reads no table; remove it")
        if self.records is not None and self.table is None:
            raise ValueError(f"`records: {self.records}` needs `table:`, the name of the JSON file")
        if self.join is not None and self.records is None:
            raise ValueError(f"`join.table: {self.join.table}` needs `records:`, the list that it is joined to")
        return self

    @model_validator(mode="after")
    def _format_of_the_table(self) -> "FolderSource":
        check_table_format(self.delimiter, self.quoting, self.columns)
        return self


class DatasetsSource(_Source):
    """Anything that Hugging Face `datasets.load_dataset` loads, with its Image and Audio features."""

    kind: Literal["datasets"]
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    data_files: str | list[str] | None = None


Source = Annotated[
    JsonlSource | ParquetSource | WebDatasetSource | FilesSource | FolderSource | DatasetsSource,
    Field(discriminator="kind"),
]
