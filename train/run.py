"""Start or resume a training run: its folder, and the checks before the first step."""

import json
from pathlib import Path
from typing import Any

from ..model.network.presets import shape_of
from ..schemas.config.training import TrainConfig
from ..schemas.errors import Refusal
from .data.plan import Plan, plan_of
from .distributed.process_group import ProcessGroup
from .optim.batch_scaling import batch_warning, kappa
from .run_record import RUN, ParameterCounts, RunRecord, TrainedOn
from .trainer import Trainer

# Keys that may change when a run is resumed: they affect how work is done and shown, not the result.
MAY_CHANGE = {"out", "compute", "checkpoint", "validation", "log_every", "data.allow_overlap"}


def train(config: TrainConfig) -> bool:
    """Train a run, or resume the one that was begun in `config.out`.

    Returns:
        Whether the last step was reached; False if the run was stopped by SIGTERM.

    Raises:
        Refusal: Before any work, for data that cannot be mixed and for a folder that holds another run.
    """
    plan = plan_of(config)
    process = ProcessGroup.start()
    try:
        if process.first:
            write_run_record(config, plan, process.world)
        process.wait()
        return Trainer(config, plan, process).run()
    finally:
        process.close()


def write_run_record(config: TrainConfig, plan: Plan, processes: int) -> None:
    """Write run.json: configuration, fingerprints and sizes of the run.

    Raises:
        Refusal: If the folder holds a run with another configuration.
    """
    folder = Path(config.out)
    folder.mkdir(parents=True, exist_ok=True)
    body = config.model_dump(mode="json")
    path = folder / RUN
    if path.exists():
        _require_same(RunRecord.read(folder).config, body, path)
    tokens = plan.rows * plan.row_length
    shape = shape_of(config.model)
    counts = shape.parameters(plan.vocabulary)
    RunRecord(
        config=body,
        trained_on=tuple(TrainedOn.model_validate(each) for each in plan.trained_on()),
        plan=plan.fingerprint,
        vocabulary=plan.vocabulary.fingerprint,
        parameters=ParameterCounts(embedding=counts.embedding, rest=counts.rest),
        kappa=kappa(config.optimizer, tokens, config.steps),
        processes=processes,
    ).write(folder)


def warnings(config: TrainConfig, plan: Plan) -> list[str]:
    """Warnings that a user should see before training starts."""
    tokens = plan.rows * plan.row_length
    batch = batch_warning(config.optimizer, tokens, config.steps)
    return [*plan.warnings, *([batch] if batch else [])]


def _require_same(before: dict[str, Any], now: dict[str, Any], where: Path) -> None:
    left, right = _leaves(before), _leaves(now)
    for key in sorted(left.keys() | right.keys()):
        if key.partition(".")[0] in MAY_CHANGE or key in MAY_CHANGE:
            continue
        if left.get(key) != right.get(key):
            was, is_now = (json.dumps(side.get(key)) for side in (left, right))
            raise Refusal(
                f"{where}: this folder holds a run with `{key}: {was}`, and the train file says {is_now}. Give the run "
                "another `out`, or set the key back to go on with what is there."
            )


def _leaves(tree: Any, path: str = "") -> dict[str, Any]:
    if isinstance(tree, dict) and tree:
        return {key: leaf for name, part in tree.items() for key, leaf in _leaves(part, f"{path}.{name}").items()}
    return {path.lstrip("."): tree}
