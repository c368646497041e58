"""A run's record is read as it was written, and a damaged or foreign one is refused with its reason."""

from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.config.training import TrainConfig
from triptych.schemas.errors import Refusal
from triptych.schemas.identity import sealed_json
from triptych.train.run_record import RUN, ParameterCounts, RunRecord, TrainedOn

CONFIG: dict[str, Any] = {
    "out": "run",
    "steps": 7,
    "data": {"datasets": [{"path": "data/é", "weight": 2.0}], "batch_tokens": 1024},
    "model": {"depth": 1, "width": 64},
}


def record() -> RunRecord:
    return RunRecord(
        config=TrainConfig.model_validate(CONFIG).model_dump(mode="json"),
        trained_on=(TrainedOn(path="data/é", fingerprint="a" * 32, vocabulary="b" * 32),),
        plan="c" * 32,
        vocabulary="b" * 32,
        parameters=ParameterCounts(embedding=10, rest=20),
        kappa=0.25,
        processes=2,
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    record().write(tmp_path)
    found = RunRecord.read(tmp_path)
    assert found == record()
    assert found.training == TrainConfig.model_validate(CONFIG)
    assert found.training.data.datasets[0].path == "data/é"


def test_a_folder_without_a_record_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "none", tmp_path / "file"):
        with pytest.raises(Refusal, match="no run of `triptych train`"):
            RunRecord.read(folder)


def test_a_changed_record_is_refused(tmp_path: Path) -> None:
    record().write(tmp_path)
    path = tmp_path / RUN
    whole = path.read_bytes()
    for data in (whole.replace(b'"kappa": 0.25', b'"kappa": 0.5'), whole[:-5], b"{}"):
        assert data != whole
        path.write_bytes(data)
        with pytest.raises(Refusal, match="Restore the file, or train again") as caught:
            RunRecord.read(tmp_path)
        assert caught.value.exit_code == 1


def test_a_record_of_another_version_names_its_first_strange_key(tmp_path: Path) -> None:
    body = record().model_dump(mode="json")
    changes: list[tuple[dict[str, Any], str]] = [
        ({"surprise": 1}, "surprise"),
        ({"parameters": {"embedding": 1, "rest": "many"}}, r"parameters\.rest"),
    ]
    for change, key in changes:
        (tmp_path / RUN).write_bytes(sealed_json(body | change))
        with pytest.raises(Refusal, match=rf"`{key}`.*written by another version"):
            RunRecord.read(tmp_path)
