"""Checkpoints: what is loaded is what was saved, the newest and the best are kept, and a damaged one is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from triptych.schemas.config.training import CheckpointConfig, EmaConfig
from triptych.schemas.errors import Refusal
from triptych.schemas.identity import sealed_json
from triptych.train.checkpoint.checkpoints import Checkpoints
from triptych.train.checkpoint.seal import read_state
from triptych.train.distributed.process_group import ProcessGroup
from triptych.train.optim.ema import Ema
from triptych.train.optim.optimizer import Optimizers


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
        self.adam = torch.optim.AdamW(self.model.parameters(), lr=0.1)
        self.optimizer = Optimizers([self.adam])
        self.ema = Ema(self.model, EmaConfig(), 10)
        self.model(torch.randn(4, 3)).square().sum().backward()
        self.optimizer.step()
        self.ema.update(self.model, 0)

    def save(self, checkpoints: Checkpoints, step: int, validation: float | None) -> None:
        checkpoints.save(step, self.model, self.optimizer, self.ema, {"step": step, "validation": validation})

    def tensors(self) -> list[torch.Tensor]:
        moments = [self.adam.state[weight]["exp_avg"] for weight in self.model.parameters()]
        return [
            tensor.detach().clone() for tensor in (*self.model.parameters(), *moments, *self.ema.state_dict().values())
        ]


def test_what_is_loaded_is_what_was_saved(process: ProcessGroup, tmp_path: Path) -> None:
    checkpoints, saved, other = Checkpoints(tmp_path, CheckpointConfig(keep=2), process), Small(0), Small(1)
    assert checkpoints.steps() == []
    saved.save(checkpoints, 4, None)
    checkpoints.finish()
    assert checkpoints.steps()[-1] == 4
    assert not all(map(torch.equal, other.tensors(), saved.tensors()))
    state = checkpoints.load(4, other.model, other.optimizer, other.ema)
    assert (state["step"], state["validation"]) == (4, None)
    assert all(map(torch.equal, other.tensors(), saved.tensors()))


def test_the_newest_and_the_best_are_kept_and_what_was_left_unfinished_goes(
    process: ProcessGroup, tmp_path: Path
) -> None:
    (tmp_path / ".tmp-00000009").mkdir()
    checkpoints, small = Checkpoints(tmp_path, CheckpointConfig(keep=1), process), Small(0)
    for step, validation in ((1, 3.0), (2, 1.0), (3, None), (4, 2.0)):
        small.save(checkpoints, step, validation)
    checkpoints.finish()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000004"]
    assert checkpoints.steps()[-1] == 4


def test_every_nth_and_the_last_sound_one_are_kept_and_foreign_folders_left_alone(
    process: ProcessGroup, tmp_path: Path
) -> None:
    for name in ("step-old", "step-00000099", "mine"):
        (tmp_path / name).mkdir()
    checkpoints, small = Checkpoints(tmp_path, CheckpointConfig(keep=1, every=2, keep_every=2), process), Small(0)
    for step in (2, 4, 6, 8, 10):
        state = {"step": step, "validation": None, "sound": step < 7}
        checkpoints.save(step, small.model, small.optimizer, small.ema, state)
    checkpoints.finish()
    assert checkpoints.steps() == [4, 6, 8, 10]
    assert {"step-old", "step-00000099", "mine"} < {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("name", ["state.json", "__0_0.distcp", ".metadata"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "lost"])
def test_a_damaged_checkpoint_is_refused_and_the_one_before_offered(
    process: ProcessGroup, tmp_path: Path, name: str, damage: str
) -> None:
    checkpoints, small = Checkpoints(tmp_path, CheckpointConfig(keep=2), process), Small(0)
    for step in (1, 2):
        small.save(checkpoints, step, 0.5)
    checkpoints.finish()
    file = tmp_path / "step-00000002" / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.unlink() if damage == "lost" else file.write_bytes(data if damage == "flipped" else data[:-9])
    with pytest.raises(Refusal, match=r"step-00000002: this checkpoint is damaged: .*`--from 1`"):
        checkpoints.load(2, small.model, small.optimizer, small.ema)
    assert checkpoints.load(1, small.model, small.optimizer, small.ema)["step"] == 1


def test_a_checkpoint_that_cannot_be_written_costs_only_itself(process: ProcessGroup, tmp_path: Path) -> None:
    checkpoints, small = Checkpoints(tmp_path, CheckpointConfig(keep=2), process), Small(0)
    small.save(checkpoints, 1, None)
    assert checkpoints.finish() is None
    (tmp_path / ".tmp-00000002").write_text("a file where the folder should be")
    small.save(checkpoints, 2, None)
    problem = checkpoints.finish()
    assert problem is not None
    assert "Traceback" not in problem
    assert problem.startswith(("FileExistsError: ", "NotADirectoryError: "))
    small.save(checkpoints, 3, None)
    assert checkpoints.finish() is None
    assert checkpoints.steps() == [1, 3]


def test_a_checkpoint_of_a_version_that_wrote_no_checksums_is_loaded(process: ProcessGroup, tmp_path: Path) -> None:
    checkpoints, small = Checkpoints(tmp_path, CheckpointConfig(), process), Small(0)
    small.save(checkpoints, 1, 0.5)
    checkpoints.finish()
    state, _ = read_state(tmp_path / "step-00000001")
    (tmp_path / "step-00000001" / "state.json").write_bytes(sealed_json(state))
    assert checkpoints.load(1, small.model, small.optimizer, small.ema) == state


def test_a_checkpoint_that_lost_its_state_is_not_passed_over(process: ProcessGroup, tmp_path: Path) -> None:
    checkpoints, small = Checkpoints(tmp_path, CheckpointConfig(), process), Small(0)
    small.save(checkpoints, 1, 0.5)
    checkpoints.finish()
    (tmp_path / "step-00000001" / "state.json").unlink()
    assert checkpoints.steps() == [1]
    with pytest.raises(Refusal, match=r"step-00000001: this checkpoint is damaged: state.json.*Restore its files"):
        checkpoints.load(1, small.model, small.optimizer, small.ema)


def test_a_run_that_goes_on_from_an_earlier_checkpoint_leaves_no_later_one(
    process: ProcessGroup, tmp_path: Path
) -> None:
    checkpoints, small = Checkpoints(tmp_path, CheckpointConfig(keep=9), process), Small(0)
    for step in (1, 2, 3):
        small.save(checkpoints, step, 0.5)
    checkpoints.finish()
    checkpoints.discard_after(1)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
    checkpoints.restate(1, {"step": 1, "validation": 0.25})
    assert checkpoints.load(1, small.model, small.optimizer, small.ema) == {"step": 1, "validation": 0.25}


def test_a_score_that_is_no_number_is_not_the_best(process: ProcessGroup, tmp_path: Path) -> None:
    checkpoints, small = Checkpoints(tmp_path, CheckpointConfig(keep=1), process), Small(0)
    for step, score in ((1, float("nan")), (2, 0.0), (3, 1.0), (4, float("inf")), (5, None)):
        small.save(checkpoints, step, score)
    checkpoints.finish()
    assert checkpoints.steps() == [2, 5]
