"""What a manifest records of a file: its name, its size and its checksum."""

from typing import Annotated

from pydantic import Field, NonNegativeInt

from ..base import Strict
from .file_names import FileName


class FileEntry(Strict):
    """A file of the dataset, with its path relative to the dataset's root."""

    file: FileName
    bytes: NonNegativeInt
    xxh3: str = Field(pattern=r"^[0-9a-f]{32}$")


class ShardEntry(FileEntry):
    """A shard. `group` is the kind or source that its rows have in common."""

    file: Annotated[FileName, Field(pattern=r"^shards/")]
    group: Annotated[FileName, Field(pattern=r"^[^/]+$")]
    rows: NonNegativeInt
    tokens: dict[str, NonNegativeInt]


class ListEntry(FileEntry):
    """The file that lists the shards of a large dataset."""

    file: Annotated[FileName, Field(pattern=r"^shards\.parquet$")]
    count: NonNegativeInt
