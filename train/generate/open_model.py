"""Open the model of a run: the finished one, or that of a checkpoint, also while the run goes on.

Nothing is written. A checkpoint is verified and loaded without running code that its files may contain.
"""

import pickle
import warnings
from pathlib import Path

import torch
from pydantic import ValidationError
from torch.distributed.checkpoint.api import CheckpointException

from ...model.network.export import CONFIG, VOCABULARY, Exported, load_model
from ...model.network.presets import shape_of
from ...model.network.transformer import Transformer
from ...schemas.errors import Mismatch, Refusal
from ...schemas.vocabulary import Vocabulary
from ..checkpoint.restricted_load import load_tensors, read_metadata
from ..checkpoint.retention import NAME, complete_steps, folder_name
from ..checkpoint.seal import damaged, read_state
from ..run_record import RUN, RunRecord

MODEL, CHECKPOINTS = "model", "checkpoints"
_FAILURES = (OSError, ValueError, RuntimeError, KeyError, EOFError, pickle.UnpicklingError, CheckpointException)


def usable_device(name: torch.device | str) -> torch.device:
    """The device of a name.

    Raises:
        Refusal: There is no such device here.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except Exception as error:  # each backend has its own
        why = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        cuda = f"cuda:0 to cuda:{torch.cuda.device_count() - 1}" if torch.cuda.device_count() > 1 else "cuda"
        here = ["cpu", *([cuda] if torch.cuda.is_available() else [])]
        raise Refusal(f"device {name}: cannot be used here ({why}). Available: {', '.join(here)}.") from None
    return device


def folders_of(run: Path) -> tuple[Path, Path]:
    """Folder of a run and of its model; `run` may be either of them, or an export of the model, which is both."""
    if (run / CONFIG).is_file() and (run / RUN).is_file():
        return run, run
    if (run / RUN).is_file() or (run / MODEL).exists():
        return run, run / MODEL
    parent = run.resolve().parent if run.name in ("", "..") else run.parent
    if (run / CONFIG).is_file():
        return (parent if (parent / RUN).is_file() else run), run
    return run, run / MODEL


def open_model(run: Path, step: int | None, device: torch.device | str = "cpu") -> Exported:
    """Load the finished model of a run, or that of the checkpoint of a step.

    Args:
        run: Folder of the run, its folder `model`, or an export of it.
        step: Step of the checkpoint; None: the finished model.
        device: Device of the model.

    Raises:
        Refusal: There is no such model, it is damaged, or there is no such device.
    """
    place = usable_device(device)
    folder, model = folders_of(run)
    steps = complete_steps(folder / CHECKPOINTS)
    if step is not None:
        if step not in steps:
            have = f"It has {', '.join(map(str, steps))}" if steps else "It has no checkpoint"
            raise Refusal(f"{folder}: has no checkpoint of step {step}. {have}.")
        return _load_checkpoint(folder, model, step, place)
    if steps and not (model / CONFIG).is_file():
        raise Refusal(
            f"{folder}: has no finished model, but checkpoints of the steps {', '.join(map(str, steps))}. "
            "Give one of them with `--step`."
        )
    if not (model / CONFIG).is_file():
        raise Refusal(_no_model(run))
    return load_model(model, place)


def _no_model(run: Path) -> str:
    """Message for a folder without a model; one of the checkpoints of a run is taken for what it is."""
    whole = run.resolve()
    for folder in (whole, *whole.parents):
        if folder.name == CHECKPOINTS and (folder.parent / RUN).is_file():
            step = NAME.fullmatch(whole.name)
            which = f"--step {int(step[1])}" if step else "--step N"
            return f"{run}: has no finished model, but checkpoints are here. Give `{folder.parent} {which}`."
    return f"{run}: no {CONFIG}, so no finished model. Give the folder of a run of `triptych train`."


def _load_checkpoint(run: Path, companions: Path, step: int, device: torch.device) -> Exported:
    record = RunRecord.read(run)
    folder = run / CHECKPOINTS / folder_name(step)
    vocabulary = _vocabulary(companions, record, run)
    config = record.training
    model = Transformer(shape_of(config.model), vocabulary).to(device)
    try:
        _, files = read_state(folder)
        problem = damaged(folder, files or {}, rank=0, world=1)
        if problem is None:
            _load_weights(model, folder)
    except _FAILURES as error:
        problem = " ".join(str(error).split())[:200]
    if problem is not None:
        left = [each for each in complete_steps(run / CHECKPOINTS) if each != step]
        others = f" Others: {', '.join(map(str, left))}." if left else ""
        gone = "" if folder.exists() else " The training removed it in the meantime."
        raise Refusal(f"{folder}: this checkpoint is damaged: {problem}.{gone}{others}", exit_code=1)
    return Exported(model.eval(), vocabulary, config.objective.kind)


def _load_weights(model: Transformer, folder: Path) -> None:
    """Load the moving average of the weights, or the weights if there is none, as a finished model has them."""
    names = read_metadata(folder).state_dict_metadata
    kind = "ema" if any(name.startswith("ema.") for name in names) else "model"
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
    with warnings.catch_warnings():  # that there is one process only
        warnings.simplefilter("ignore")
        load_tensors({kind: weights}, folder)


def _vocabulary(companions: Path, record: RunRecord, run: Path) -> Vocabulary:
    try:
        vocabulary = Vocabulary.model_validate_json((companions / VOCABULARY).read_bytes())
    except FileNotFoundError:
        raise Refusal(
            f"{companions}: has no {VOCABULARY}: an earlier version began this run and has not finished it. "
            "Resume it with `triptych train`, which writes what sampling needs."
        ) from None
    except ValidationError as error:
        why = " ".join(str(error).split())[:200]
        raise Refusal(f"{companions / VOCABULARY}: does not describe a vocabulary ({why}).", exit_code=1) from None
    if vocabulary.fingerprint != record.vocabulary:
        sides = (VOCABULARY, vocabulary.fingerprint), (str(run / RUN), record.vocabulary)
        raise Mismatch.between("vocabulary", *sides, f"Restore {companions}.")
    return vocabulary
