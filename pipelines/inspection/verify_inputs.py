"""Reads the sources of a dataset again, and compares their content with what the dataset was prepared from."""

from collections.abc import Iterator

from ...schemas.config.sources import Source
from ...schemas.dataset.reader import Dataset
from ...schemas.errors import Refusal
from ...schemas.identity import fingerprint
from ..sources.read import find_units
from ..sources.registry import open_source
from .originals import sources_of


def changed_sources(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield the name of each source that is missing or has other content, and what is wrong with it.

    Every byte of the sources is read. What `prepare` keeps of files that look unchanged is not used.

    Raises:
        Refusal: Nothing says where the sources are.
    """
    config = sources_of(dataset)
    for source in (*config.sources, *config.decontaminate):
        try:
            units = find_units([source], config.limits, config.partition_bytes, dataset.url)
            reader = open_source(source, config.limits, config.partition_bytes)
            found = fingerprint([reader.digest(unit) for _, unit in units])
        except (Refusal, OSError) as error:
            yield source.name, f"cannot be read again: {error}"
            continue
        known = dataset.manifest.inputs.get(source.name)
        if found != known:
            yield source.name, _other(source)


def _other(source: Source) -> str:
    return (
        f"{source.path} has other content than when the dataset was prepared. `triptych prepare --recheck` reads it "
        "again."
    )
