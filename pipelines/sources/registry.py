"""Creates the reader of a source; its libraries are imported only then."""

from ...schemas.config.run import Limits
from ...schemas.config.sources import DatasetsSource, FilesSource, FolderSource, JsonlSource, ParquetSource, Source
from ...schemas.secrets import remember
from .base import Reader


def open_source(source: Source, limits: Limits, partition_bytes: int) -> Reader:
    """Create the reader of `source`, whose batches hold at most about `partition_bytes`; opens no file."""
    remember(source.path)
    if isinstance(source, JsonlSource):
        from .jsonl import JsonlReader

        return JsonlReader(source, limits, partition_bytes)
    if isinstance(source, ParquetSource):
        from .parquet import ParquetReader

        return ParquetReader(source, limits, partition_bytes)
    if isinstance(source, FilesSource):
        from .text_files import FilesReader

        return FilesReader(source, limits, partition_bytes)
    if isinstance(source, FolderSource) and source.pair_by is not None:
        from .paired_files import PairedFilesReader

        return PairedFilesReader(source, limits, partition_bytes)
    if isinstance(source, FolderSource):
        from .folder import FolderReader

        return FolderReader(source, limits, partition_bytes)
    if isinstance(source, DatasetsSource):
        from .huggingface import DatasetsReader

        return DatasetsReader(source, limits, partition_bytes)
    from .webdataset import WebDatasetReader

    return WebDatasetReader(source, limits, partition_bytes)
