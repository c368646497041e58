"""A checkpoint that someone else made runs no code when it is loaded, and names no file but its own."""

import io
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed.checkpoint.state_dict_saver import save

from triptych.train.checkpoint.restricted_load import METADATA, load_tensors, read_metadata
from triptych.train.distributed.process_group import ProcessGroup


@pytest.fixture
def process() -> Iterator[ProcessGroup]:
    group = ProcessGroup.start()
    yield group
    group.close()


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def written(folder: Path, values: dict[str, Any]) -> Path:
    save(values, checkpoint_id=folder, no_dist=True)
    return folder


def test_tensors_and_plain_values_are_loaded(process: ProcessGroup, tmp_path: Path) -> None:
    folder = written(tmp_path / "c", {"w": torch.arange(6.0).view(2, 3), "lr": 0.1, "betas": (0.9, 0.95)})
    target = {"w": torch.zeros(2, 3), "lr": 0.0, "betas": (0.0, 0.0)}
    load_tensors(target, folder)
    assert torch.equal(target["w"], torch.arange(6.0).view(2, 3))  # type: ignore[arg-type]
    assert (target["lr"], target["betas"]) == (0.1, (0.9, 0.95))


def test_a_payload_in_the_description_does_not_run(tmp_path: Path) -> None:
    folder = written(tmp_path / "c", {"w": torch.zeros(2)})
    found = pickle.loads((folder / METADATA).read_bytes())
    found.planner_data = Payload(tmp_path / "ran")
    (folder / METADATA).write_bytes(pickle.dumps(found))
    with pytest.raises(pickle.UnpicklingError, match=r"posix\.mkdir, which is no part of a checkpoint"):
        read_metadata(folder)
    assert not (tmp_path / "ran").exists()


def test_a_payload_in_a_value_does_not_run(process: ProcessGroup, tmp_path: Path) -> None:
    folder = written(tmp_path / "c", {"lr": Payload(tmp_path / "ran")})
    with pytest.raises(BaseException, match="Weights only load failed"):
        load_tensors({"lr": 0.0}, folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "state.json", "__0_0.distcp/../../x"])
def test_a_file_that_is_not_of_the_checkpoint_is_not_read(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path / "c", {"w": torch.zeros(2)})
    found = pickle.loads((folder / METADATA).read_bytes())
    for place in found.storage_data.values():
        place.relative_path = name
    (folder / METADATA).write_bytes(pickle.dumps(found))
    with pytest.raises(pickle.UnpicklingError, match="names the file"):
        read_metadata(folder)


@pytest.mark.parametrize(
    "data", [b"", b"cos\nsystem\n(S'true'\ntR.", pickle.dumps([1, 2]), b"\x80\x05\x95" + bytes(range(64))]
)
def test_what_is_no_description_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / METADATA).write_bytes(data)
    with pytest.raises((pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError)):
        read_metadata(tmp_path)


def test_weights_only_refuses_what_the_planner_would_have_run(tmp_path: Path) -> None:
    data = io.BytesIO()
    torch.save(Payload(tmp_path / "ran"), data)
    data.seek(0)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(data, weights_only=True)
    assert not (tmp_path / "ran").exists()
