"""Column chunks of Parquet files, as their footer describes them.

pyarrow ends the process when the description of a column chunk contradicts itself, since it does not expect the
exception of its C++ library there. Where it opens a chunk to read it, it does expect it. So a chunk is first opened,
from a file of which nothing can be read, and its description is asked for after that.
"""

import io
from typing import Final, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

_ASIDE: Final = 1 << 10  # size of the buffer for pages, which are not read


class _OpenedError(Exception):
    """All chunks of a row group were opened: the first page was asked for."""


class _NoPages(io.RawIOBase):
    """A file of a given size whose content cannot be read."""

    def __init__(self, size: int) -> None:
        self._size, self._at = size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset if whence == io.SEEK_SET else self._size + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> NoReturn:
        raise _OpenedError


class ColumnChunks:
    """The chunks of some columns of a file."""

    def __init__(self, parquet: pq.ParquetFile, size: int, wanted: frozenset[str]) -> None:
        """Open no chunk.

        Args:
            parquet: The file.
            size: Size of the file, in bytes.
            wanted: Paths of the columns in the schema of the file.
        """
        self._metadata = parquet.metadata
        paths = [parquet.schema.column(place).path for place in range(len(parquet.schema))]
        self._places = [place for place, path in enumerate(paths) if path in wanted]
        self.paths = [paths[place] for place in self._places]
        self._probe = pq.ParquetFile(_NoPages(size), metadata=parquet.metadata, buffer_size=_ASIDE, pre_buffer=False)

    def of(self, group: int) -> list[pq.ColumnChunkMetaData]:
        """Return the chunks of a row group.

        Raises:
            pa.ArrowException: The description of a chunk is damaged; also OSError and UnicodeDecodeError.
        """
        self._require_sound(group)
        parts = self._metadata.row_group(group)
        chunks = [parts.column(place) for place in self._places]
        if [chunk.path_in_schema for chunk in chunks] != self.paths:
            raise pa.ArrowInvalid("the columns of a row group are not those of the schema")
        return chunks

    def _require_sound(self, group: int) -> None:
        try:
            rows = self._probe.iter_batches(1, row_groups=[group], columns=self.paths, use_threads=False)
            next(rows, None)
        except _OpenedError:
            return
