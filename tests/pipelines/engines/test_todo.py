"""Items are taken once, in the order in which they became ready, also those that were added meanwhile."""

from triptych.pipelines.engines.todo import Todo


def test_items_are_numbered_and_taken_once() -> None:
    todo = Todo(["a", "b"])
    assert list(todo.take()) == [(0, "a")]
    assert todo.add("c") == 2
    assert len(todo) == 2
    assert list(todo.take(5)) == [(1, "b"), (2, "c")]
    assert not todo
    assert list(todo.take()) == []


def test_what_is_not_asked_for_stays() -> None:
    todo = Todo(range(3))
    taken = todo.take(2)
    assert next(taken) == (0, 0)
    assert len(todo) == 2
