"""The serial engine runs tasks in this process, in order, each only when its result is asked for."""

import os
from pathlib import Path

import pytest

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.engines.serial import Serial
from triptych.pipelines.engines.todo import Todo
from triptych.schemas.storage.store import Store


def test_tasks_run_here_in_order_and_one_at_a_time(tmp_path: Path) -> None:
    engine = Serial(Store(str(tmp_path)), Journal())
    ran: list[int] = []

    def square(item: int) -> int:
        ran.append(item)
        return item * item

    results = engine.each(square, Todo([3, 1, 2]))
    assert ran == []
    first = next(results)
    assert (first.index, first.result, ran) == (0, 9, [3])
    assert first.process.endswith(f":{os.getpid()}")
    assert [(done.index, done.result) for done in results] == [(1, 1), (2, 4)]
    engine.close()


def test_an_exception_of_a_task_is_raised_as_it_is_after_the_results_before_it(tmp_path: Path) -> None:
    results = Serial(Store(str(tmp_path)), Journal()).each(lambda item: 6 // item, Todo([2, 0, 3]))
    assert next(results).result == 3
    with pytest.raises(ZeroDivisionError):
        next(results)
