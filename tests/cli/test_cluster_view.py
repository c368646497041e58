"""The screen of a preparation on a cluster: one screen, 80 columns, the workers with a problem first."""

import io
import time
from typing import Any

from rich.console import Console, Group

from triptych.cli.cluster_view import PlainLines, cluster_screen
from triptych.pipelines.engines.worker_board import WorkerBoard


def board_of(count: int, silent: int = 0) -> WorkerBoard:
    board = WorkerBoard()
    workers = {
        f"tcp://10.0.{number // 32}.1:{40000 + number}": {
            "host": f"node-{number // 32:03d}.cluster.example",
            "last_seen": 100.0 if number >= silent else 10.0,
            "metrics": {"memory": 1_234_000_000},
        }
        for number in range(count)
    }
    board.look(workers, {address: [f"decontaminate+shuffle-{index}"] for index, address in enumerate(workers)})
    return board


def screen(board: WorkerBoard, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=80, height=height, force_terminal=True, color_system=None)
    console.print(Group(*cluster_screen(board, console, bars=4)))
    output: Any = console.file
    return [line.rstrip() for line in output.getvalue().splitlines()]


def test_a_thousand_workers_fit_on_a_screen_of_80_columns() -> None:
    lines = screen(board_of(1000, silent=2))
    assert len(lines) <= 24 - 4
    assert max(map(len, lines)) <= 80
    assert lines[0] == "1,000 workers on 32 hosts, 1,000 busy, 0 tasks/min, 2 slow or silent"
    for line, port in zip(lines[1:3], (40000, 40001), strict=True):
        assert line == f"! node-000.cluster.example:{port} no heartbeat for 90 s, runs decontaminate+shuf…"
    assert lines[-1].startswith("… and 9")
    assert lines[-1].endswith(" more workers")


def test_few_workers_are_all_listed() -> None:
    lines = screen(board_of(3))
    assert lines[1].split()[:3] == ["host", "port", "runs"]
    assert [line.split()[1] for line in lines[2:5]] == ["40000", "40001", "40002"]
    assert len(lines) == 5


def test_without_a_terminal_there_is_a_line_a_minute(monkeypatch: Any) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    lines = PlainLines()
    assert lines.due(board_of(2), ["read 1/2"]) == []
    now[0] += 61
    first, second = lines.due(board_of(2, silent=1), ["read 1/2"])
    assert first.startswith("2 workers on 1 host, 2 busy")
    assert first.endswith(". read 1/2")
    assert "no heartbeat for 90 s" in second
    assert lines.due(board_of(2), ["read 2/2"]) == []
