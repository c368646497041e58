"""Start or resume a training run: its folder, and the checks before the first step."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..model.network.presets import shape_of
from ..schemas.config.training import TrainConfig
from ..schemas.errors import Mismatch, Refusal
from ..schemas.secrets import public_tree
from ..schemas.storage.full_disk import refusing_full_disk
from ..schemas.storage.inside import require_no_way_out
from ..schemas.storage.lock import only_run
from ..schemas.storage.store import WORK, Store
from ..schemas.visible import print_line
from .checkpoint.retention import complete_steps
from .control import control_of
from .data.plan import Plan, plan_of
from .data.plan_warnings import loss_warnings
from .distributed.process_group import ProcessGroup
from .evaluate.report.curves import dataset_unigram_entropy
from .initial_weights import initial_weights, table_lines
from .metrics import last_step
from .metrics_file import read_lines
from .optim.batch_scaling import batch_warning, kappa
from .remote.reaching import is_remote, naming
from .remote.remote_run import RemoteRun, records_of, run_folder
from .resume import as_begun, changed_datasets, changed_keys, require_allowed, with_changes
from .run_record import RUN, Change, InitialWeights, ParameterCounts, RunRecord, TrainedOn
from .schedule_note import schedule_notes
from .trackers import require_trackers
from .trainer import Trainer
from .unseen import require_share_kept, require_unseen
from .verdict import verdict

ALLOW = "`data.allow_overlap: true`"


class Start(NamedTuple):
    """How a run starts."""

    step: int | None  # of the checkpoint to resume from; None: a new run
    changes: tuple[Change, ...]  # of the run's history
    finished: bool = False  # nothing is left to do

    @property
    def changed(self) -> bool:
        """Whether the train file was changed at this very step."""
        return any(each.step == self.step for each in self.changes)


def train(config: TrainConfig, *, start: int | None = None, change: bool = False) -> bool:
    """Train a run, or resume the one that was begun in `config.out`.

    Args:
        config: The train file.
        start: Step of the checkpoint to resume from; None for the newest.
        change: Whether keys of the train file may differ from those of the run.

    Returns:
        Whether the last step was reached; False if the run was stopped by a signal.

    Raises:
        Refusal: Before any work, for data that cannot be mixed, for a folder that holds another run, and while another
            process trains there.
    """
    plan = plan_of(config)
    remote = RemoteRun.of(config)
    folder = run_folder(config, remote)
    process = ProcessGroup.start()
    try:
        process.on_first(lambda: require_possible(config, plan, start, change))
        with refusing_full_disk(folder), _alone(folder, process, remote):
            if remote is not None:
                process.on_each_machine(remote.stage)
            config = process.on_first(partial(as_begun, config, folder))
            begin = process.on_first(lambda: start_of(config, plan, folder, start, change))
            if begin.finished:
                return True
            if begin.step is not None and process.first:
                for note in schedule_notes(RunRecord.read(folder).training, config, begin.step):
                    print_line(note)
            initial = initial_weights(config, plan) if begin.step is None else None
            if initial is not None and process.first:
                _show(initial.record)
            taken = initial.record if initial is not None else None
            record = partial(_write_stretch, config, plan, process.world, folder, begin.changes, taken)
            if remote is None:
                return Trainer(config, plan, process, initial=initial).run(begin.step, begin.changed, record)
            with remote.uploading(process):
                finished = Trainer(config, plan, process, remote, initial).run(
                    begin.step, begin.changed, partial(_record_at_store, record, remote, folder)
                )
            if finished:
                process.on_each_machine(remote.discard)
            return finished
    finally:
        process.close()


def _record_at_store(
    record: Callable[[Mapping[str, Any]], None], remote: RemoteRun, folder: Path, state: Mapping[str, Any]
) -> None:
    """Write the record of a run and upload it."""
    record(state)
    remote.write_record(folder)


def require_possible(config: TrainConfig, plan: Plan, start: int | None = None, change: bool = False) -> None:
    """Raise the Refusal that starting would raise, before anything is written."""
    require_trackers(config.log)
    if config.model.audio_layout == "parallel" and not plan.vocabulary.audio:
        raise Refusal("`model.audio_layout: parallel`: the datasets hold no audio. Remove the key.")
    with records_of(config) as records:
        begin = start_of(as_begun(config, records), plan, records, start, change)
    if begin.step is None and not begin.finished:
        initial_weights(config, plan)


def start_of(config: TrainConfig, plan: Plan, folder: Path, start: int | None, change: bool) -> Start:
    """Decide how to start in a folder; writes nothing.

    Raises:
        Refusal: The folder holds a run that this train file cannot go on with, or has no checkpoint of `start`.
    """
    steps = complete_steps(folder / "checkpoints")
    if start is not None and start not in steps:
        have = f"It has {', '.join(map(str, steps))}" if steps else "It has none"
        raise Refusal(f"{folder}: has no checkpoint of step {start}. {have}.")
    if not (folder / RUN).exists():
        if steps:
            raise Refusal(f"{folder}: has checkpoints but no {RUN}, which says of what run. Give another `out`.")
        return Start(None, ())
    record, where = RunRecord.read(folder), folder / RUN
    at = start if start is not None else steps[-1] if steps else 0
    keys = changed_keys(record, config, where, at) | changed_datasets(record, trained_on(plan), at)
    require_allowed(keys, change, where)
    _require_vocabulary(record, plan, where)
    if keys and not config.data.allow_overlap:
        require_unseen(plan.datasets, record, ALLOW)
        require_share_kept(plan.datasets, record, plan.validation, ALLOW)
    if not steps:
        return _without_checkpoints(record, config, folder, keys != {})
    step = steps[-1] if start is None else start
    if step > config.steps:
        raise Refusal(f"`steps: {config.steps}`: the run has done {step} steps. Give more, or `--from` an earlier one.")
    return Start(step, with_changes(record, keys, step))


def _require_vocabulary(record: RunRecord, plan: Plan, where: Path) -> None:
    """Raise Mismatch if the datasets have other tokens than the run: its weights would mean something else."""
    if record.vocabulary != plan.vocabulary.fingerprint:
        sides = (str(where), record.vocabulary), (plan.datasets[0].url, plan.vocabulary.fingerprint)
        raise Mismatch.between("vocabulary", *sides, "Prepare the data with the tokenizers of the run, or train anew.")


def _without_checkpoints(record: RunRecord, config: TrainConfig, folder: Path, changed: bool) -> Start:
    """A run that was stopped before its first checkpoint begins anew; a finished one is left as it is."""
    if not (folder / "model" / "config.json").exists():
        return Start(None, ())
    if changed or last_step(folder) < config.steps:
        raise Refusal(
            f"{folder}: has a trained model, but its checkpoints are gone, so it cannot go on. Give another `out`.",
            exit_code=1,
        )
    return Start(None, record.changes, finished=True)


def write_run_record(
    config: TrainConfig, plan: Plan, processes: int, folder: Path, changes: tuple[Change, ...] = ()
) -> None:
    """Write run.json: configuration, fingerprints and sizes of the run."""
    folder.mkdir(parents=True, exist_ok=True)
    _record_of(config, plan, processes, changes).write(folder)


def _write_stretch(
    config: TrainConfig,
    plan: Plan,
    processes: int,
    folder: Path,
    changes: tuple[Change, ...],
    initial: InitialWeights | None,
    state: Mapping[str, Any],
) -> None:
    """Write run.json of a run that goes on from a state of its loader; `initial`: what a new run begins with."""
    folder.mkdir(parents=True, exist_ok=True)
    before = RunRecord.read(folder) if (folder / RUN).exists() else None
    kept = (
        {"stretches": before.known_stretches, "initial": initial or before.initial} if before else {"initial": initial}
    )
    record = _record_of(config, plan, processes, changes).model_copy(update=kept)
    record.with_stretch(state).write(folder)


def _show(record: InitialWeights) -> None:
    """Print what a run takes of another model."""
    print_line(f"starting with weights of {record.source} (numbers of parameters):")
    for name, taken, new, left in [("part", "taken", "new", "left"), *table_lines(record)]:
        print_line(f"  {name:<18} {taken:>14} {new:>14} {left:>14}")


def _record_of(config: TrainConfig, plan: Plan, processes: int, changes: tuple[Change, ...]) -> RunRecord:
    tokens = plan.rows * plan.row_length
    counts = shape_of(config.model).parameters(plan.vocabulary)
    return RunRecord(
        config=public_tree(config.model_dump(mode="json")),
        trained_on=trained_on(plan),
        plan=plan.fingerprint,
        vocabulary=plan.vocabulary.fingerprint,
        parameters=ParameterCounts(embedding=counts.embedding, rest=counts.rest),
        kappa=kappa(config.optimizer, tokens, config.steps),
        processes=processes,
        changes=changes,
    )


def trained_on(plan: Plan) -> tuple[TrainedOn, ...]:
    """The datasets of a plan, as the record names them."""
    return tuple(TrainedOn.model_validate(each) for each in plan.trained_on())


def warnings(config: TrainConfig, plan: Plan) -> list[str]:
    """Warnings that a user should see before training starts."""
    tokens = plan.rows * plan.row_length
    batch = batch_warning(config.optimizer, tokens, config.steps)
    return [*plan.warnings, *loss_warnings(config.objective, plan.kinds), *([batch] if batch else [])]


def how_it_went(config: TrainConfig, plan: Plan) -> list[str]:
    """Sentences on the last validation of a finished run; none if its log is at a URL."""
    if is_remote(config.out):
        return []
    folder = run_folder(config, None)
    control = control_of(str(folder), RunRecord.read(folder))
    said = verdict(read_lines(folder), dataset_unigram_entropy(plan.datasets), control.line if control else None)
    if control and control.problem:
        return [*said, f"Not compared with the control: {control.name} {control.problem}."]
    return [*said, f"The control is {control.name}."] if control and said else said


@contextmanager
def _alone(folder: Path, process: ProcessGroup, remote: RemoteRun | None) -> Iterator[None]:
    """Hold the run's folder or URL, so that no other training writes there."""
    with ExitStack() as stack:
        if remote is not None:
            stack.enter_context(naming(remote.store.url, folder))

        def hold() -> None:
            if remote is not None:
                stack.enter_context(remote.hold())
                return
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, FileNotFoundError, NotADirectoryError, PermissionError) as error:
                raise Refusal(
                    f"`out: {folder}`: this folder cannot be made ({error.strerror}). Give another."
                ) from None
            require_no_way_out(str(folder))  # the run may be someone else's
            stack.enter_context(only_run(Store(str(folder.absolute()))))

        process.on_first(hold)
        yield
    if process.first and remote is None:
        with suppress(OSError):  # another run may have begun
            (folder / WORK).rmdir()
