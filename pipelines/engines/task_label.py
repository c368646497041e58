"""Names tasks for the progress display and for Dask's dashboard."""

from typing import Any

from .chain import RunChain, Work


def task_label(task: Any, item: Any) -> str:
    """Return the name of a task: the stages of a chain, or what a single task does."""
    if isinstance(item, Work):
        task = item.task
    if isinstance(task, RunChain):
        names = [link.stage.name for link in task.links]
        return names[0] if len(names) == 1 else f"{names[0]}+{names[-1]}"
    task = getattr(task, "task", task)
    name: str = getattr(task, "name", None) or getattr(task, "__name__", None) or type(task).__name__
    return name.lower().removeprefix("run").removesuffix("unit")
