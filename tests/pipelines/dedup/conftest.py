"""Raw rows committed to a store, as `read` leaves them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.partition import Outcome, Partition, commit
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.sources.row_ids import row_ids
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store

Rows = Sequence[dict[str, object]]


@pytest.fixture
def engine(tmp_path: Path) -> Serial:
    """The serial engine over an empty store."""
    return Serial(Store(str(tmp_path / "out")), Journal())


@pytest.fixture
def raw(engine: Serial) -> Callable[..., list[Partition]]:
    """Commits rows (text, image, audio) of a source in parts of a few rows each."""

    def write(source: str, kind: str, rows: Rows, cut: int = 7) -> list[Partition]:
        parts = []
        for start in range(0, len(rows), cut):
            few = rows[start : start + cut]
            numbers = np.arange(start, start + len(few))
            columns = {
                "id": row_ids(source, numbers),
                "source": pa.array([source] * len(few)),
                "kind": pa.array([kind] * len(few)),
                "file": pa.array([f"{source}.jsonl"] * len(few)),
                "row": pa.array(numbers),
                "text": pa.array([row["text"] for row in few], pa.string()),
            }
            columns |= {
                name: pa.array([row[name] for row in few], pa.binary()) for name in ("image", "audio") if name in few[0]
            }
            key, note = f"{source}-{start}", {"source": source, "text_bytes": 0}
            name = f"_work/read/{key}.arrow"
            commit(engine.store, name, Outcome(pa.table(columns), DROPPED.empty_table(), note=note))
            parts.append(Partition(key, ((name, None),), len(few), note=note))
        return parts

    return write
