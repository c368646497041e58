"""The first rows of a split, streamed, so that a look at a dataset does not download all of it."""

import hashlib
import os
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs

BATCH = 1000  # rows at a time


def is_complete(builder: Any) -> bool:
    """Return whether the whole dataset is in the cache already."""
    return os.path.exists(builder.cache_dir)


def can_stream(split: str) -> bool:
    """Return whether `datasets` can stream a split: names and sums of names, but not slices."""
    return "[" not in split


def estimate_rows(builder: Any, split: str, head: Any) -> tuple[float, bool, str]:
    """Return the number of rows of a split without loading it, whether it is exact, and how it was found.

    Args:
        builder: A `datasets.DatasetBuilder`.
        split: Name of a split, or several joined by `+`.
        head: The first rows, from `load_first`.
    """
    names = [name.strip() for name in split.split("+")]
    splits = builder.info.splits or {}
    known = [splits[name].num_examples for name in names if name in splits]
    if len(known) == len(names) and all(known):
        return float(sum(known)), True, "as its dataset card says"
    listed = builder.config.data_files or {}
    files = [str(file) for name in names for file in listed.get(name, ())]
    if hasattr(builder, "BASE_FEATURE"):
        media = [file for file in files if not os.path.basename(file).startswith("metadata.")]
        return float(len(media)), False, "one row a file"
    size = sum(int(fs.info(path)["size"] or 0) for fs, path in map(url_to_fs, files))
    return size * len(head) / max(head.data.nbytes, 1), False, f"by the size of {len(files):,} files"


def load_first(builder: Any, split: str, rows: int) -> Any:
    """Load the first rows of a split; they are kept in the cache beside where the whole dataset would be.

    Args:
        builder: A `datasets.DatasetBuilder`.
        split: Name of a split, or several joined by `+`.
        rows: Number of rows.

    Returns:
        A `datasets.Dataset` with images and audio as they are stored.
    """
    import datasets
    from filelock import FileLock

    cached = Path(f"{builder.cache_dir}.first", f"{hashlib.sha256(split.encode()).hexdigest()[:16]}-{rows}.arrow")
    cached.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{cached}.lock"):  # the workers of a run start at the same time
        if not cached.exists():
            unfinished = cached.with_suffix(".unfinished")
            _write(builder.as_streaming_dataset(split), rows, unfinished)
            unfinished.rename(cached)
    return datasets.Dataset.from_file(str(cached))


def _write(stream: Any, rows: int, path: Path) -> None:
    from datasets.arrow_writer import ArrowWriter

    # the types of JSON and CSV are those of the first rows, as `datasets` reads them
    stream = (stream if stream.features else stream._resolve_features()).decode(False).take(rows)
    with ArrowWriter(features=stream.features, path=str(path)) as writer:
        for table in stream.with_format("arrow").iter(BATCH):
            writer.write_table(table)
        writer.finalize()
