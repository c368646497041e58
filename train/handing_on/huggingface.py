"""Export of a run's model as a folder that the transformers library loads, and Triptych as well.

config.json, model.safetensors, generation_config.json   configuration, weights, and defaults of sampling
configuration_triptych.py, modeling_triptych.py, …       the classes, which need torch and transformers alone
text.vocabulary, tokenizer_config.json              the text tokenizer, with the ids of the model
vocabulary.json, tokenizers.json, tokenizers/, lengths.parquet, run.json   what Triptych's own commands read
README.md                                                the model card

No file is a pickle, and none names a place of the machine that made it.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...model.network.export import CONFIG, Exported, describe_weights, nested_config, save_weights
from ...schemas.errors import Mismatch, Refusal
from ...schemas.identity import sealed_json
from ...schemas.storage.new_folder import new_folder
from ...schemas.vocabulary import Modality
from ...tokenizers.bundle import FILE as TOKENIZERS
from ...tokenizers.bundle import FOLDER as TOKENIZER_FILES
from ...tokenizers.bundle import Bundle
from ..generate.lengths import FILE as LENGTHS
from ..generate.lengths import Lengths
from ..generate.open_model import folders_of, open_model
from ..metrics_file import read_lines
from ..remote.local_copy import as_local
from ..run_record import RUN, RunRecord
from .huggingface_files import (
    TEXT_FILE,
    class_sources,
    generation_config,
    library_config,
    text_model,
    tokenizer_config,
)
from .model_card import CardFacts, model_card
from .without_places import without_places

CARD = "README.md"


class ModelExport(NamedTuple):
    """What was exported."""

    parameters: int
    step: int  # steps that the model was trained


def export_to_huggingface(run: str, out: str, step: int | None = None) -> ModelExport:
    """Export the model of a run.

    Args:
        run: Folder or URL of the run, or of its folder `model`.
        out: Folder to write, which must not exist; it appears when everything is written.
        step: Step of the checkpoint to export; None: the finished model.

    Raises:
        Refusal: There is no such model, files are damaged, or the folder exists.
        Mismatch: The record is that of another run than the model.
    """
    with new_folder(out) as folder, as_local(run, step) as local:
        exported = open_model(local, step)
        home, model = folders_of(local)
        if (model / RUN).exists():
            raise Refusal(f"{run}: is an export already. Copy the folder, or export the run itself.")
        record = RunRecord.read(home)
        _require_same(home, record, exported)
        lines = tuple(read_lines(home))
        done = _finished_steps(record, lines) if step is None else step
        save_weights(folder, exported.model.state_dict(), {"format": "pt"})
        body = describe_weights(folder, exported.model.shape, exported.vocabulary, exported.objective)
        _copy_companions(model, folder)
        for name, data in class_sources().items():
            (folder / name).write_bytes(data)
        _write_json(folder / "generation_config.json", generation_config())
        (folder / RUN).write_bytes(sealed_json(without_places(record).model_dump(mode="json")))
        facts = CardFacts(Path(out).name, record, exported, lines, done)
        (folder / CARD).write_text(model_card(facts), encoding="utf-8")
        tree = library_config(exported.model.shape, exported.vocabulary, exported.objective)
        _write_json(folder / CONFIG, nested_config(tree, body))
    return ModelExport(sum(parameter.numel() for parameter in exported.model.parameters()), done)


def _require_same(home: Path, record: RunRecord, exported: Exported) -> None:
    if record.vocabulary != exported.vocabulary.fingerprint:
        sides = (str(home / RUN), record.vocabulary), ("its model", exported.vocabulary.fingerprint)
        raise Mismatch.between("vocabulary", *sides, "Restore the files of the run.")


def _finished_steps(record: RunRecord, lines: Sequence[Mapping[str, Any]]) -> int:
    """Steps of the finished model; while a finished run goes on with more, those that it had."""
    reached = max((int(line["step"]) for line in lines), default=0)
    steps = record.training.steps
    before = [change.keys["steps"][0] for change in record.changes if "steps" in change.keys]
    return int(before[-1]) if reached < steps and before else steps


def _copy_companions(model: Path, folder: Path) -> None:
    """Copy tokenizers and lengths, each checked before; tokenizers of a hub stay there."""
    bundle = Bundle.of_model(model)
    for modality in (Modality.TEXT, Modality.IMAGE, Modality.AUDIO):
        if modality in bundle and bundle.cards[modality.name.lower()].files is not None:
            bundle.tokenizer(modality)  # refuses files that are not those of the card
    Lengths.of_model(model)
    for name in (TOKENIZERS, LENGTHS):
        shutil.copyfile(model / name, folder / name)
    if (model / TOKENIZER_FILES).is_dir():
        shutil.copytree(model / TOKENIZER_FILES, folder / TOKENIZER_FILES)
    card = bundle.cards.get("text")
    data = text_model(card, folder / TOKENIZER_FILES / "text") if card is not None else None
    if card is not None and data is not None:
        (folder / TEXT_FILE).write_bytes(data)
        _write_json(folder / "tokenizer_config.json", tokenizer_config(card.config))


def _write_json(path: Path, tree: dict[str, Any]) -> None:
    path.write_text(json.dumps(tree, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
