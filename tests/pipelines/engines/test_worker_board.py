"""What the workers of a cluster do, from what a scheduler knows and from results."""

from collections.abc import Mapping
from typing import Any

from triptych.pipelines.engines.worker_board import WorkerBoard


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def known(host: str, last_seen: float, memory: int = 10**9) -> Mapping[str, Any]:
    return {"host": host, "last_seen": last_seen, "metrics": {"memory": memory}}


def test_slow_and_silent_workers_come_first_with_the_reason() -> None:
    clock, heard = Clock(), 50.0
    board = WorkerBoard(clock)
    names = [f"tcp://10.0.0.{number}:4000" for number in range(1, 5)]
    keys = {name: [f"text+shuffle-{number:032x}"] for number, name in enumerate(names)}
    board.look({name: known(f"node{number}", heard) for number, name in enumerate(names)}, keys)
    for _ in range(4):
        board.finished(names[0], "text+shuffle", 2.0)
    clock.now += 60
    last = {name: known(f"node{number}", heard + 60) for number, name in enumerate(names)}
    last[names[2]] = known("node2", heard + 20)
    board.look(last, {name: keys[name] if name == names[3] else ["read-1"] for name in names})
    lines = {line.host: line for line in board.lines()}
    assert [line.host for line in board.lines()][:2] == ["node2", "node3"]
    assert lines["node2"].note == "no heartbeat for 40 s"
    assert lines["node3"].note == "slow: text+shuffle usually takes 2 s"
    assert (lines["node3"].runs, lines["node3"].seconds) == ("text+shuffle", 60)
    assert lines["node0"].per_minute == 4
    assert (lines["node0"].runs, lines["node0"].note) == ("read", "")
    assert board.summary() == "4 workers on 4 hosts, 4 busy, 4 tasks/min, 2 slow or silent"


def test_a_worker_that_left_is_counted_and_named_with_its_task() -> None:
    clock = Clock()
    board = WorkerBoard(clock)
    board.look({"tcp://a:1": known("a", 1.0), "tcp://b:1": known("b", 1.0)}, {"tcp://b:1": ["images-7"]})
    board.look({"tcp://a:1": known("a", 2.0)}, {})
    clock.now += 5
    assert board.events() == ["5 s ago: the worker on b (tcp://b:1) left during images"]
    assert board.summary() == "1 worker on 1 host, 0 busy, 0 tasks/min, 1 left"


def test_a_cluster_without_workers_has_a_summary() -> None:
    board = WorkerBoard(Clock())
    board.look({}, {})
    assert (board.lines(), board.events()) == ([], [])
    assert board.summary().startswith("0 workers on 0 hosts")
