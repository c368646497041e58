"""Traced batches are those that a trainer is fed: over changed plans, rollbacks, resumes and numbers of processes."""

import json
import random
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from triptych.model.diffusion.noise_levels import stratified_levels
from triptych.model.diffusion.tasks import TASKS, draw_tasks
from triptych.schemas.config.model import MaskedObjective
from triptych.schemas.config.training import TrainConfig
from triptych.schemas.dataset.locate import segments_of_id
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.dataset.segment_tables import SegmentTables
from triptych.schemas.errors import Refusal
from triptych.train.data.collate import gather, keep_segments
from triptych.train.data.loader import Loader, MicroBatch
from triptych.train.data.plan import plan_of
from triptych.train.data.row_order import RowOrder
from triptych.train.data.split import is_held_out
from triptych.train.run import write_run_record
from triptych.train.run_record import SKIPPED, Change, RunRecord
from triptych.train.trace.batch_trace import trace_step
from triptych.train.trace.document_trace import trace_document
from triptych.train.trace.traced_run import TracedRun

COLUMNS = ("row_B", "epoch_B", "row_S", "number_S", "start_S", "length_S", "kind_S", "tokens_BL")


class Life(NamedTuple):
    """A run, and what each of its steps was fed, of all processes together."""

    folder: Path
    config: TrainConfig
    fed: dict[int, dict[str, Any]]


def config_of(folder: Path, draw: random.Random, datasets: list[Path], steps: int = 10**6) -> TrainConfig:
    kinds = ["text", "image-text", "audio-text"]
    entries = [
        {"path": str(path), "modality": kind, "weight": draw.choice([0.1, 1.0, 3.0])}
        for path in datasets
        for kind in draw.sample(kinds, draw.randint(1, 3))
    ]
    data = {
        "datasets": entries,
        "batch_tokens": 128 * draw.choice([8, 16, 24]),
        "validation": draw.choice([0.0, 0.05, 0.3]),
        "allow_overlap": True,
    }
    tree = {"out": str(folder), "data": data, "model": {"depth": 1, "width": 64}, "steps": steps}
    return TrainConfig.model_validate(tree | {"seed": draw.randrange(100)})


def changed(config: TrainConfig, draw: random.Random, folder: Path, datasets: list[Path]) -> TrainConfig:
    """The same run with another mix, batch size or share, sometimes the same as before."""
    other = config_of(folder, draw, draw.sample(datasets, draw.randint(1, len(datasets))))
    update = draw.choice([{}, {"data": other.data}, {"data": config.data.model_copy(update={"batch_tokens": 1024})}])
    return config.model_copy(update=update)


def live(folder: Path, seed: int, datasets: list[Path], workshop: Any, steps: int) -> Life:
    """Feed a run, with loaders as a trainer has them, and its record written as a trainer writes it."""
    draw = random.Random(seed)
    config = config_of(folder, draw, datasets[:1])
    states: dict[int, dict[str, Any]] = {}  # checkpoints
    fed: dict[int, dict[str, Any]] = {}
    step = 0
    while step < steps:
        plan = plan_of(config)
        shards = workshop.shards(plan)
        world = draw.choice([1, 1, 2, 4])
        loaders = [
            Loader(plan, shards, rank=rank, world=world, micro_rows=draw.choice([None, None, 3]))
            for rank in range(world)
        ]
        for loader in loaders:
            if step:
                state = states[step]
                resumed_changed = state["config"] != config
                kept = json.loads(json.dumps(state["loader"]))
                loader.load_state(kept, step if resumed_changed else None, state["read"])
        record(config, folder, loaders[0])
        for _ in range(draw.randint(1, 60)):
            fed[step] = batch_of([micro for loader in loaders for micro in next(loader)], config)
            step += 1
            states[step] = {"loader": loaders[0].state(), "read": loaders[0].rows_read(), "config": config}
            if draw.random() < 0.02:  # breaks down
                back = draw.randint(max(0, step - 9), step - 1)
                read = loaders[0].rows_read()
                for loader in loaders:
                    loader.begin(back, read)
                step = back
                states[step] = {"loader": loaders[0].state(), "read": loaders[0].rows_read(), "config": config}
                record(config, folder, loaders[0])
        for loader in loaders:
            loader.close()
        if draw.random() < 0.2:  # goes on from an earlier checkpoint
            step = draw.choice([known for known in states if known <= step])
        states = {known: state for known, state in states.items() if known <= step}
        config = changed(config, draw, folder, datasets)
    return Life(folder, config, {number: batch for number, batch in fed.items() if number < step})


def record(config: TrainConfig, folder: Path, loader: Loader) -> None:
    stretches = RunRecord.read(folder).stretches if (folder / "run.json").exists() else ()
    write_run_record(config, loader.plan, 1, folder)
    now = RunRecord.read(folder).model_copy(update={"stretches": stretches})
    now.with_stretch(loader.state()).write(folder)
    (folder / "metrics.jsonl").write_text('{"step": 1000000}\n')


def batch_of(micros: list[MicroBatch], config: TrainConfig) -> dict[str, Any]:
    """The global batch with its tasks and levels, put together from the micro-batches of all processes."""
    objective = config.objective
    assert isinstance(objective, MaskedObjective)
    found: dict[str, Any] = {name: [] for name in (*COLUMNS, "task", "dropped", "level")}
    rows = 0
    for micro in micros:
        for name in COLUMNS:
            found[name].append(getattr(micro.batch, name) + (rows if name == "row_S" else 0))
        rows += len(micro.batch.row_B)
        task, dropped = draw_tasks(micro.batch, objective, config.seed)
        level = stratified_levels(micro.batch, micro.placement, config.seed)
        for name, value in (("task", task), ("dropped", dropped), ("level", level)):
            found[name].append(value)
    return {name: torch.cat(parts).numpy() for name, parts in found.items()}


def require_fed(traced: dict[str, Any], fed: dict[str, Any]) -> None:
    """The documents of a traced batch, at their places, with their tasks and levels, are those that were fed."""
    rows = traced["rows"]
    assert [row["epoch"] for row in rows] == fed["epoch_B"].tolist()
    segments = [(b, one) for b, row in enumerate(rows) for one in row["segments"] if not one["held_out"]]
    assert [b for b, _ in segments] == fed["row_S"].tolist()
    for name in ("start", "length"):
        assert [one[name] for _, one in segments] == fed[f"{name}_S"].tolist()
    assert [one["task"] for _, one in segments] == [str(TASKS[task]) for task in fed["task"].tolist()]
    assert [one["condition_dropped"] for _, one in segments] == fed["dropped"].tolist()
    assert [one["level"] for _, one in segments] == fed["level"].tolist()
    for b, one in segments:
        mine = slice(one["start"], one["start"] + one["length"])
        stored = tokens_of(rows[b]["dataset"], rows[b]["shard"])[rows[b]["shard_row"], mine]
        assert stored.tolist() == fed["tokens_BL"][b, mine].tolist()


@cache
def tokens_of(dataset: str, shard: str) -> Any:
    opened = Dataset(dataset)
    return opened.open(next(entry for entry in opened.manifest.shards if entry.file == shard)).matrix("tokens")


@pytest.fixture(scope="module")
def datasets(dataset: Path, workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("more")
    counts = {"docs": 90, "stamps": 70, "prompts": 60}
    # so many shards that an epoch has several windows
    return [dataset, workshop.write(folder / "other", counts=counts, seed=3, shards=37)]


@pytest.mark.parametrize("seed", range(5))
def test_random_steps_are_traced_as_they_were_fed(
    seed: int, datasets: list[Path], workshop: Any, tmp_path: Path
) -> None:
    life = live(tmp_path / "run", seed, datasets, workshop, 220)
    run = TracedRun(life.folder)
    draw = random.Random(seed)
    for step in draw.choices(sorted(life.fed), k=200):
        require_fed(trace_step(run, step + 1), life.fed[step])


def uses_of(life: Life, run: TracedRun) -> dict[str, list[tuple[int, int, str]]]:
    """The uses of every document, from all batches."""
    uses: dict[str, list[tuple[int, int, str]]] = {}
    for step in sorted(life.fed):
        for row in trace_step(run, step + 1)["rows"]:
            for one in row["segments"]:
                if not one["held_out"]:
                    uses.setdefault(one["id"], []).append((step + 1, row["batch_row"], one["task"]))
    return uses


def test_the_uses_of_a_document_are_the_steps_whose_batches_have_it(
    datasets: list[Path], workshop: Any, tmp_path: Path
) -> None:
    life = live(tmp_path / "run", 7, datasets, workshop, 60)
    last = max(life.fed) + 1
    (life.folder / "metrics.jsonl").write_text(f'{{"step": {last}}}\n')
    run = TracedRun(life.folder)
    tables = [SegmentTables(Dataset(str(path))) for path in datasets]
    segments = [one for table in tables for row in table.rows(0, np.arange(4)) for one in row]
    found, wanted = 0, uses_of(life, run)
    for segment in segments[::3]:
        lines = trace_document(run, partial(segments_of_id, document=segment["id"]))
        uses = sorted((use["step"], use["batch_row"], use["task"]) for line in lines for use in line["uses"])
        assert uses == sorted(wanted.get(segment["id"].hex(), []))
        found += len(uses)
    assert found > 5


def test_held_out_documents_are_said_to_be(dataset: Path, workshop: Any, tmp_path: Path) -> None:
    data = {"datasets": [{"path": str(dataset), "weight": 1.0}], "batch_tokens": 1024, "validation": 0.3}
    tree = {"out": str(tmp_path), "data": data, "model": {"depth": 1, "width": 64}, "steps": 30}
    config = TrainConfig.model_validate(tree)
    loader = Loader(plan_of(config), workshop.shards(plan_of(config)))
    record(config, tmp_path, loader)
    (tmp_path / "metrics.jsonl").write_text('{"step": 30}\n')
    at = RowOrder(loader.plan).between(0, 8)
    rows = gather(workshop.shards(loader.plan), at)
    out = is_held_out(rows.split_key, 0.3)
    assert 0 < out.sum() < len(out)
    assert len(keep_segments(rows, ~out).row) < len(out)
    run = TracedRun(tmp_path)
    said = [one["held_out"] for row in trace_step(run, 1)["rows"] for one in row["segments"]]
    assert said == out.tolist()
    hidden = rows.document[np.flatnonzero(out)[0]].tobytes()
    lines = trace_document(run, lambda tables: segments_of_id(tables, hidden))
    assert [line["held_out"] for line in lines] == [True] * len(lines)
    assert not any(line["uses"] for line in lines)
    loader.close()


def test_a_step_that_is_not_there_or_not_known_is_refused(dataset: Path, tmp_path: Path) -> None:
    data = {"datasets": [{"path": str(dataset), "weight": 1.0}], "batch_tokens": 1024}
    tree = {"out": str(tmp_path), "data": data, "model": {"depth": 1, "width": 64}, "steps": 30}
    config = TrainConfig.model_validate(tree)
    write_run_record(config, plan_of(config), 1, tmp_path)
    assert len(trace_step(TracedRun(tmp_path), 30)["rows"]) == 8  # of a version before: one plan, no change
    for step in (0, 31):
        with pytest.raises(Refusal, match="has steps 1 to 30"):
            trace_step(TracedRun(tmp_path), step)
    write_run_record(config, plan_of(config), 1, tmp_path, (Change(step=6, keys={SKIPPED: (6, 9)}),))
    with pytest.raises(Refusal, match="by a version that did not record"):
        trace_step(TracedRun(tmp_path), 3)


def test_data_that_moved_is_found_by_its_fingerprint_and_other_data_refused(
    datasets: list[Path], tmp_path: Path
) -> None:
    data = {"datasets": [{"path": str(tmp_path / "gone"), "weight": 1.0}], "batch_tokens": 1024}
    (tmp_path / "gone").symlink_to(datasets[0])
    tree = {"out": str(tmp_path), "data": data, "model": {"depth": 1, "width": 64}, "steps": 30}
    config = TrainConfig.model_validate(tree)
    write_run_record(config, plan_of(config), 1, tmp_path)
    whole = trace_step(TracedRun(tmp_path), 3)["rows"]
    (tmp_path / "gone").unlink()
    with pytest.raises(Refusal, match="give its place with `--data DATASET`"):
        trace_step(TracedRun(tmp_path), 3)
    moved = trace_step(TracedRun(tmp_path, [str(datasets[0])]), 3)["rows"]
    assert [row["segments"] for row in moved] == [row["segments"] for row in whole]
    (tmp_path / "gone").symlink_to(datasets[1])
    with pytest.raises(Refusal, match="is not the dataset that"):
        trace_step(TracedRun(tmp_path), 3)
