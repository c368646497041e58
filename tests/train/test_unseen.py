"""An evaluation or a resumed training is refused where what it holds out was trained on."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.config.mix import MixEntry
from triptych.schemas.config.model import ModelConfig
from triptych.schemas.config.training import Data, TrainConfig
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal
from triptych.train.run_record import Change, ParameterCounts, RunRecord, TrainedOn
from triptych.train.unseen import require_share_kept, require_unseen

from .of_before import of_before

KEY = "`--allow-overlap`"


def trained(path: Path, share: float = 0.3, *changes: Change) -> RunRecord:
    """The record of a run on a dataset."""
    manifest = Dataset(str(path)).manifest
    entries = (MixEntry(path=str(path), weight=1.0),)
    data = Data(datasets=entries, batch_tokens=1024, validation=share)
    one = TrainedOn(path=str(path), fingerprint=manifest.fingerprint, vocabulary="", has_content=manifest.has_content)
    return RunRecord(
        config=TrainConfig(out="run", data=data, model=ModelConfig(depth=1, width=64), steps=1).model_dump(mode="json"),
        trained_on=(one,),
        plan="",
        vocabulary="",
        parameters=ParameterCounts(embedding=0, rest=0),
        kappa=1.0,
        processes=1,
        changes=changes,
    )


@pytest.fixture
def new(tmp_path: Path, text_tree: Any, prepared: Any) -> Path:
    prepared(text_tree(tmp_path / "new"))
    return tmp_path / "new"


def test_held_out_by_another_rule_than_that_of_the_run(new: Path, tmp_path: Path) -> None:
    old = of_before(new, tmp_path / "old")
    for one, other in ((new, old), (old, new)):
        require_unseen([Dataset(str(one))], trained(one), KEY)
        with pytest.raises(Refusal, match=r"^\d+ documents that are held out of .* give `--allow-overlap`"):
            require_unseen([Dataset(str(one))], trained(other), KEY)
        require_unseen([Dataset(str(one))], trained(other, 0.0), KEY)


def test_a_dataset_of_the_run_that_is_gone_cannot_be_compared(new: Path, tmp_path: Path) -> None:
    old = of_before(new, tmp_path / "old")
    record = trained(old)
    shutil.rmtree(old)
    with pytest.raises(Refusal, match=f"{old} did when the run was trained on it, and that dataset is no longer there"):
        require_unseen([Dataset(str(new))], record, KEY)


def test_a_larger_share_holds_out_what_was_trained_on(new: Path) -> None:
    datasets = [Dataset(str(new))]
    for share in (0.0, 0.1, 0.3):
        require_share_kept(datasets, trained(new), share, KEY)
    with pytest.raises(Refusal, match=r"^`data.validation: 0.5`: \d+ documents .* while 0.3 were held out"):
        require_share_kept(datasets, trained(new), 0.5, KEY)
    lowered = Change(step=5, keys={"data.validation": (0.3, 0.1)})
    with pytest.raises(Refusal, match=r"while 0.1 were held out"):
        require_share_kept(datasets, trained(new, 0.1, lowered), 0.3, KEY)
