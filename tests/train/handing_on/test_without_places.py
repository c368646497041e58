"""The record of an export names nothing of the machine that trained it, and is still a record."""

from pathlib import Path

from triptych.schemas.config.training import TrainConfig
from triptych.schemas.identity import sealed_json
from triptych.train.handing_on.without_places import without_places
from triptych.train.run_record import RUN, Change, InitialWeights, ParameterCounts, RunRecord, TrainedOn

HOME = "/private/place"


def test_no_place_is_left(tmp_path: Path) -> None:
    config = TrainConfig.model_validate(
        {
            "out": f"{HOME}/runs/first",
            "data": {
                "datasets": [{"path": f"{HOME}/out/stamps", "weight": 1.0}],
                "batch_tokens": 1024,
                "cache": f"{HOME}/cache",
            },
            "model": {"depth": 1},
            "steps": 4,
            "validation": {"datasets": [f"{HOME}/out/other"]},
            "init": {"from": f"{HOME}/runs/zero"},
            "control": f"{HOME}/runs/control",
            "samples": {"prompts": {"t2i": [f"{HOME}/prompts.txt"]}},
        }
    )
    record = RunRecord(
        config=config.model_dump(mode="json"),
        trained_on=(TrainedOn(path=f"{HOME}/out/stamps", fingerprint="a" * 32, vocabulary="b" * 32),),
        plan="c" * 32,
        vocabulary="b" * 32,
        parameters=ParameterCounts(embedding=10, rest=20),
        kappa=1.0,
        processes=1,
        changes=(Change(step=2, keys={f"data.datasets ({HOME}/out/stamps)": ("a", "b")}),),
        initial=InitialWeights(source=f"{HOME}/runs/zero", weights="d" * 32, parts=()),
    ).with_stretch({})
    assert HOME in record.model_dump_json()
    public = without_places(record)
    assert HOME not in public.model_dump_json()
    assert public.training.data.datasets[0].path == public.trained_on[0].path == "stamps"
    assert (public.training.steps, public.training.model) == (4, config.model)
    (tmp_path / RUN).write_bytes(sealed_json(public.model_dump(mode="json")))
    assert RunRecord.read(tmp_path) == public
