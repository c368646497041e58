"""What a dataset holds, document by document, and that it is sound."""

from pathlib import Path
from typing import Any

from triptych.pipelines.inspection.verify import verify
from triptych.schemas.dataset.reader import Dataset


def documents(out: Path) -> dict[str, list[dict[str, Any]]]:
    """The segments of every document, with their tokens."""
    dataset = Dataset(str(out))
    found: dict[str, list[dict[str, Any]]] = {}
    for index in range(dataset.rows):
        row = dataset.row(index)
        for segment in row.segments:
            tokens = row.tokens[segment["start"] : segment["start"] + segment["length"]].tolist()
            found.setdefault(segment["id"].hex(), []).append(
                {name: segment[name] for name in ("source", "file", "row", "offset", "last")} | {"tokens": tokens}
            )
    return {name: sorted(pieces, key=lambda piece: piece["offset"]) for name, pieces in sorted(found.items())}


def sound(out: Path) -> None:
    _, findings = verify(str(out))
    assert findings == []
