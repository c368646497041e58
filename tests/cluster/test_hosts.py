"""Workers on two hosts: one is cut off during the run; an `out` that is a disk of one host is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.dask_processes import Cluster, message, wait_for
from benchmarks.hosts import Hosts, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
SHORT = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "6s"}


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    made = Hosts(("one", "two"))
    yield made
    made.close()


def test_a_host_that_is_cut_off_costs_no_byte(
    cluster: Cluster, hosts: Hosts, text_tree: Any, expected: dict[str, bytes], contents: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    cluster.scheduler(SHORT, host=hosts.address)
    for name in ("one", "two"):
        cluster.worker(prefix=hosts.prefix(name), host=hosts.address_of(name))
    run = cluster.prepare(text_tree(out))
    wait_for(lambda: list(out.glob("_work/read/*.arrow")) or not run.running())
    hosts.cut_off("two")
    assert run.end() == 0, run.output
    assert contents(out) == expected
    hosts.cut_off("two", False)


def test_an_out_on_the_disk_of_a_host_is_refused_by_name(
    cluster: Cluster, hosts: Hosts, text_tree: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    cluster.scheduler(host=hosts.address)
    cluster.worker(prefix=hosts.prefix("one"), host=hosts.address_of("one"))
    cluster.worker(prefix=hosts.prefix("two", own=out), host=hosts.address_of("two"))
    run = cluster.prepare(text_tree(out))
    assert run.end() == 2, run.output
    assert f"the worker on two (tcp://{hosts.address_of('two')}:" in message(run)
    assert f"does not share `out` ({out})" in message(run)
    assert not list(out.rglob("*.arrow"))
