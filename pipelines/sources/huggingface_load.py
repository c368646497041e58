"""Loads what a source of kind `datasets` names: a split of a dataset on the Hub, of a builder, or on disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...schemas.config.sources import DatasetsSource
from ...schemas.errors import Refusal, brief
from .huggingface_csv import read_words, words_as_they_are
from .huggingface_csv_rows import with_checked_rows
from .huggingface_first import can_stream, estimate_rows, is_complete, load_first


def load(source: DatasetsSource) -> Any:
    """Load the split of a source, with images and audio as they are stored; of one with a limit, its first rows.

    Raises:
        Refusal: It cannot be loaded, or a key has no effect on it.
    """
    with _refused_by_name(source):
        if _is_saved(source):
            return _saved(source)
        builder = _builder(source)
        if source.limit is not None and not is_complete(builder) and can_stream(source.split):
            return load_first(builder, source.split, source.limit)
        builder.download_and_prepare()
        return builder.as_dataset(split=source.split)


def measure(source: DatasetsSource, rows: int) -> tuple[float, bool, str]:
    """Return the number of rows of a split, whether it is exact, and how it was found; only its head is loaded.

    Args:
        source: The source; its limit has no effect.
        rows: Number of rows of the head.

    Raises:
        Refusal: As for `load`.
    """
    whole = source.model_copy(update={"limit": None})
    with _refused_by_name(source):
        if not _is_saved(source) and can_stream(source.split):
            builder = _builder(source)
            if not is_complete(builder):
                head = load_first(builder, source.split, rows)
                if len(head) < rows:
                    return float(len(head)), True, "counted"
                return estimate_rows(builder, source.split, head)
        return float(len(load(whole))), True, "counted"


@contextmanager
def _refused_by_name(source: DatasetsSource) -> Iterator[None]:
    try:
        yield
    except Refusal:
        raise
    except Exception as error:  # builders, the hub and file systems may raise anything
        cause = error.__cause__ or error
        if isinstance(cause, Refusal):
            raise cause from None
        why = brief(f"{type(cause).__name__}: {cause}", 500)
        raise Refusal(
            f"`sources.{source.name}.path` is {source.path!r} (config {source.config}, split {source.split!r}): "
            f"datasets cannot load it ({why}). Check path, config, split and revision; a hub name needs a network."
        ) from None


def _is_saved(source: DatasetsSource) -> bool:
    """Return whether it is a folder of `save_to_disk`; raises Refusal where a key has no effect on one."""
    saved = any((Path(source.path) / name).is_file() for name in ("dataset_dict.json", "state.json"))
    if saved:
        _require_no_effectless_keys(source)
    return saved


def _require_no_effectless_keys(source: DatasetsSource) -> None:
    for key in ("config", "revision", "data_files"):
        if getattr(source, key) is not None:
            raise Refusal(
                f"`sources.{source.name}.{key}` has no effect: {source.path} is a folder of `save_to_disk`, which is "
                "read as it is. Remove the key."
            )


def _saved(source: DatasetsSource) -> Any:
    """Load a split, or slices of splits, from a folder of `save_to_disk`.

    A single dataset has the name of the split that it was saved from; `train`, the default, is another name of it.
    """
    import datasets

    found = datasets.load_from_disk(source.path)
    splits = dict(found) if isinstance(found, datasets.DatasetDict) else {str(found.split or "train"): found}
    if not isinstance(found, datasets.DatasetDict):
        splits.setdefault("train", found)
    if source.split in splits:
        return splits[source.split]
    lengths = {name: len(split) for name, split in splits.items()}
    parts = datasets.ReadInstruction.from_spec(source.split).to_absolute(lengths)
    return datasets.concatenate_datasets(
        [splits[part.splitname].select(range(part.from_, max(part.from_, part.to))) for part in parts]
    )


def _builder(source: DatasetsSource) -> Any:
    import datasets
    from datasets.packaged_modules.csv.csv import Csv
    from datasets.packaged_modules.folder_based_builder.folder_based_builder import FolderBasedBuilder

    def build(**more: Any) -> Any:
        return datasets.load_dataset_builder(
            source.path, source.config, revision=source.revision, data_files=source.data_files, **more
        )

    builder = build()
    if isinstance(builder, Csv):
        files = [str(file) for each in (builder.config.data_files or {}).values() for file in each]
        builder = build(**words_as_they_are(source, files, sep=builder.config.sep))
        with_checked_rows(builder)
        return builder
    if isinstance(builder, FolderBasedBuilder):
        _read_words_of_metadata(source, builder)
    if getattr(builder, "BASE_FEATURE", None) is datasets.Audio:
        from .huggingface_audio import ListedAudio

        builder.BASE_FEATURE = ListedAudio
    return builder


def _read_words_of_metadata(source: DatasetsSource, builder: Any) -> None:
    read = builder._read_metadata

    def read_metadata(metadata_file: str, metadata_ext: str = "") -> Iterator[Any]:
        return read_words(source, metadata_file) if metadata_ext == ".csv" else read(metadata_file, metadata_ext)

    builder._read_metadata = read_metadata
