"""Checkpoints: what is loaded is what was saved, the newest and the best are kept, and a damaged one is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from triptych.schemas.config.training import EmaConfig
from triptych.schemas.errors import Refusal
from triptych.train.checkpoint import Checkpoints
from triptych.train.distributed.process_group import ProcessGroup
from triptych.train.optim.ema import Ema


@pytest.fixture
def process() -> Iterator[ProcessGroup]:
    group = ProcessGroup.start()
    yield group
    group.close()


class Small:
    """A model of one layer with its optimizer and average, after one step."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.model = torch.nn.Linear(3, 2)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.1)
        self.ema = Ema(self.model, EmaConfig(), 10)
        self.model(torch.randn(4, 3)).square().sum().backward()
        self.optimizer.step()
        self.ema.update(self.model, 0)

    def save(self, checkpoints: Checkpoints, step: int, validation: float | None) -> None:
        checkpoints.save(step, self.model, self.optimizer, self.ema, {"step": step, "validation": validation})

    def tensors(self) -> list[torch.Tensor]:
        moments = [self.optimizer.state[weight]["exp_avg"] for weight in self.model.parameters()]
        return [
            tensor.detach().clone() for tensor in (*self.model.parameters(), *moments, *self.ema.state_dict().values())
        ]


def test_what_is_loaded_is_what_was_saved(process: ProcessGroup, tmp_path: Path) -> None:
    checkpoints, saved, other = Checkpoints(tmp_path, 2, process), Small(0), Small(1)
    assert checkpoints.latest() is None
    saved.save(checkpoints, 4, None)
    checkpoints.finish()
    assert checkpoints.latest() == 4
    assert not all(map(torch.equal, other.tensors(), saved.tensors()))
    state = checkpoints.load(4, other.model, other.optimizer, other.ema)
    assert (state["step"], state["validation"]) == (4, None)
    assert all(map(torch.equal, other.tensors(), saved.tensors()))


def test_the_newest_and_the_best_are_kept_and_what_was_left_unfinished_goes(
    process: ProcessGroup, tmp_path: Path
) -> None:
    (tmp_path / ".tmp-00000009").mkdir()
    checkpoints, small = Checkpoints(tmp_path, 1, process), Small(0)
    for step, validation in ((1, 3.0), (2, 1.0), (3, None), (4, 2.0)):
        small.save(checkpoints, step, validation)
    checkpoints.finish()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000004"]
    assert checkpoints.latest() == 4


def test_a_damaged_state_is_refused(process: ProcessGroup, tmp_path: Path) -> None:
    checkpoints, small = Checkpoints(tmp_path, 1, process), Small(0)
    small.save(checkpoints, 1, 0.5)
    checkpoints.finish()
    file = tmp_path / "step-00000001" / "state.json"
    file.write_bytes(file.read_bytes().replace(b"0.5", b"0.4"))
    with pytest.raises(Refusal, match=r"step-00000001: cannot be read .* Remove that folder"):
        checkpoints.load(1, small.model, small.optimizer, small.ema)
