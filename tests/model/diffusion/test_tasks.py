"""Tasks are drawn as often as the objective says, by keys alone, and give each modality its role."""

import pytest
import torch

from triptych.model.diffusion.tasks import TASKS, Role, draw_tasks, roles
from triptych.schemas.config.model import MaskedObjective, Task
from triptych.schemas.vocabulary import Kind

from ..conftest import Sample, pack

PAIR, WORDS = Sample(text=[1], image=[2]), Sample(text=[1])


def names(task_S: torch.Tensor) -> list[Task]:
    return [TASKS[index] for index in task_S.tolist()]


def test_shares_of_tasks_and_dropped_conditions_are_those_asked_for() -> None:
    batch = pack([[PAIR] * 100 + [WORDS]] * 40, 610)
    chances = {Task.T2I: 0.5, Task.I2T: 0.2, Task.JOINT: 0.3}
    objective = MaskedObjective(tasks={Kind.IMAGE_TEXT: chances}, condition_dropout=0.25)
    task_S, dropped_S = draw_tasks(batch, objective, 7)
    drawn = names(task_S)
    pairs = [task for task, kind in zip(drawn, batch.kind_S.tolist(), strict=True) if kind == Kind.IMAGE_TEXT.code]
    assert drawn.count(Task.TEXT) == 40  # exactly the texts
    assert {task: pairs.count(task) / 4000 for task in chances} == pytest.approx(chances, abs=0.03)
    conditional_S = torch.tensor([task.given is not None for task in drawn])
    assert not bool(dropped_S[~conditional_S].any())
    assert float(dropped_S[conditional_S].double().mean()) == pytest.approx(0.25, abs=0.03)


def test_conditions_are_dropped_never_or_always() -> None:
    batch = pack([[PAIR] * 20] * 4, 120)
    for chance in (0, 1):
        objective = MaskedObjective(tasks={Kind.IMAGE_TEXT: {Task.T2I: 1.0}}, condition_dropout=chance)
        assert bool((draw_tasks(batch, objective, 0)[1] == bool(chance)).all())


def test_a_draw_depends_on_its_row_not_on_the_batch() -> None:
    rows = [[PAIR] * 20] * 6
    task_S, dropped_S = draw_tasks(pack(rows, 120), MaskedObjective(), 3)
    for number in range(6):
        alone = draw_tasks(pack(rows[:1], 120, numbers=[number]), MaskedObjective(), 3)
        mine = slice(20 * number, 20 * number + 20)
        assert torch.equal(alone[0], task_S[mine])
        assert torch.equal(alone[1], dropped_S[mine])
    assert not torch.equal(draw_tasks(pack(rows, 120, epoch=1), MaskedObjective(), 3)[0], task_S)
    assert not torch.equal(draw_tasks(pack(rows, 120), MaskedObjective(), 4)[0], task_S)


def test_roles_of_text_image_and_audio() -> None:
    n, g, h = Role.NOISED, Role.GIVEN, Role.HIDDEN
    wanted = {
        Task.TEXT: [n, n, n],
        Task.T2I: [g, n, h],
        Task.I2T: [n, g, h],
        Task.T2S: [g, h, n],
        Task.S2T: [n, h, g],
        Task.JOINT: [n, n, n],
    }
    task_S = torch.tensor([TASKS.index(task) for task in wanted])
    kept = torch.zeros(len(wanted), dtype=torch.bool)
    assert roles(task_S, kept)[:, 1:].tolist() == list(wanted.values())
    hidden = [[h if role == g else role for role in row] for row in wanted.values()]
    assert roles(task_S, ~kept)[:, 1:].tolist() == hidden
