"""A look at a run before it is made: the heads of its sources, what they come to, and whatever a run would refuse.

Nothing is written, and of every source only the first rows of a few files are read.
"""

from collections.abc import Mapping
from typing import Any

from ...schemas.config.run import RunConfig
from ...schemas.config.sources import Source
from ...schemas.storage.store import Store
from ...tokenizers.audio.decode_clip import duration_of
from ...tokenizers.image.decode_picture import size_of
from ..preflight import check_run, require_more_rows
from .columns import columns_of
from .costs import cost_of, load_tokenizers, rates_of, shard_bytes, training_bytes, training_seconds, workers_of
from .extent import Extent, extent
from .heads import Head, read_head

HEAD_ROWS = 96  # rows that are read of each source
TEXT = 300  # characters of a sample's text


def preview(config: RunConfig) -> dict[str, Any]:
    """Look at the sources of a run.

    Args:
        config: The run file.

    Returns:
        JSON types: by source its files, bytes, rows, columns, a sample, what was dropped of the head, and tokens; then
        the tokens, disk and time of the run. `empty` lists the sources of whose head nothing is kept.

    Raises:
        Refusal: The run cannot succeed, in the words of `triptych prepare`.
    """
    check_run(config)
    require_more_rows(config, Store(config.out))
    given = load_tokenizers(config)
    sets = [source.name for source in config.decontaminate]
    looked = {}
    for source in (*config.sources, *config.decontaminate):
        size = extent(source, config.limits, HEAD_ROWS)
        filters = () if source.name in sets else config.filters
        looked[source.name] = (source, size, read_head(source, size.parts, filters, config.limits, HEAD_ROWS))
    heads = [head for source, _, head in looked.values() if source.name not in sets]
    rates = rates_of(config, given, heads)
    sources, seconds, row_bytes = [], 0.0, 0.0
    tokens: dict[str, float] = {}
    for source, size, head in looked.values():
        cost = cost_of(size.rows, head, rates, config)
        row_bytes += cost.row_bytes
        facts = _facts(source, size, head)
        if source.name in sets:
            sources.append(facts | {"evaluation": True, "tokens": {}})
            continue
        seconds += cost.seconds
        for name, count in cost.tokens.items():
            tokens[name] = tokens.get(name, 0) + count
        sources.append(facts | {"evaluation": False, "tokens": {name: round(n) for name, n in cost.tokens.items()}})
    shards = shard_bytes(sum(tokens.values()), config)
    return {
        "name": config.name,
        "sources": sources,
        "tokens": {name: round(count) for name, count in tokens.items()},
        "grounds": {name: rates.grounds[name] for name in (m.name.lower() for m in config.modalities)},
        "shard_bytes": round(shards),
        "work_bytes": round(row_bytes + 2 * shards + training_bytes(config)),
        "seconds": round(training_seconds(config) + seconds / workers_of(config), 1),
        "workers": workers_of(config),
        "empty": [facts["name"] for facts in sources if not facts["head"]["kept"]],
    }


def _facts(source: Source, size: Extent, head: Head) -> dict[str, Any]:
    return {
        "name": source.name,
        "kind": source.kind,
        "modality": str(source.modality),
        "path": source.path,
        "files": size.files,
        "files_are": "table" if getattr(source, "table", None) else "file",
        "bytes": size.bytes if size.bytes is not None else round(size.rows * head.bytes / max(head.rows, 1)),
        "bytes_exact": size.bytes is not None,
        "rows": round(size.rows),
        "exact": size.exact,
        "ground": size.ground,
        "columns": columns_of(source, size.parts[0].units[0].path) if size.parts[0].units else [],
        "used": sorted({name for names in source.fields.values() for name in names}),
        "head": {"rows": head.rows, "kept": head.kept.num_rows, "dropped": head.reasons},
        "dropped_example": _example(head),
        "sample": _sample(head),
    }


def _example(head: Head) -> Mapping[str, Any] | None:
    """Return the first dropped row of the most frequent reason."""
    most = next(iter(head.reasons), None)
    return next((line for line in head.dropped if line["reason"] == most), None)


def _sample(head: Head) -> dict[str, Any] | None:
    """Describe the first row that is kept: where it is, its text, the size of its picture, the length of its clip."""
    if not head.kept.num_rows:
        return None
    row = head.kept.slice(0, 1).to_pylist()[0]
    sample = {"file": row["file"], "row": row["row"], "text": row["text"][:TEXT], "characters": len(row["text"])}
    if row.get("image") is not None:
        sample["pixels"] = list(size_of(row["image"]))
    if row.get("audio") is not None:
        frames, rate = duration_of(row["audio"])
        sample |= {"seconds": round(frames / rate, 2), "rate": rate}
    return sample
