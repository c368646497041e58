"""A stage runs on a part and those beside it; its output is named after all of them."""

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from triptych.pipelines.engines.partition import Outcome, Partition, commit, load, read_header
from triptych.pipelines.engines.stage import RunStage, part_key, part_name
from triptych.schemas.dataset.tables import DROPPED
from triptych.schemas.storage.store import Store


@dataclass(frozen=True)
class Join:
    """Adds the column `extra` of the table beside."""

    counted: bool
    name: str = "join"

    def identity(self) -> list[int]:
        return [1]

    def run(self, table: pa.Table, beside: pa.Table) -> Outcome:
        joined = table.append_column("extra", beside["extra"])
        return Outcome(joined, DROPPED.empty_table(), note={"tokens": 7})


def written(store: Store, name: str, table: pa.Table) -> Partition:
    commit(store, name, Outcome(table, DROPPED.empty_table()))
    return Partition(name, ((name, None),), table.num_rows)


def test_a_stage_gets_the_part_and_those_beside_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    beside = written(store, "beside", pa.table({"extra": [4, 5, 6]}))
    part = replace(written(store, "part", pa.table({"source": ["a", "b", "a"]})), beside=(beside,))
    for counted in (False, True):
        rows, tokens, (committed,) = RunStage(store, Join(counted))(part)
        name = part_name("join", part_key(Join(counted), part))
        header = read_header(store, name)
        assert (rows, tokens, committed) == (3, 7, header.committed(name))
        tallies = [(tally.source, tally.rows_in, tally.kept) for tally in header.tallies]
        assert tallies == ([("a", 2, 2), ("b", 1, 1)] if counted else [])
        assert load(store, Partition("", ((name, None),), 3)).to_pydict() == {
            "source": ["a", "b", "a"],
            "extra": [4, 5, 6],
        }


def test_a_key_depends_on_the_parts_beside_in_their_order() -> None:
    part, one, two = (Partition(key, (), 0) for key in ("part", "one", "two"))
    sides = [(), (one,), (two,), (one, two), (two, one)]
    keys = [part_key(Join(True), replace(part, beside=beside)) for beside in sides]
    assert len(set(keys)) == len(sides)
    assert part_name("join", keys[0]) == f"_work/join/{keys[0]}.arrow"
