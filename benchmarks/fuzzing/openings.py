"""Opens each kind of artefact as the commands do, and says what it held."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
import yaml

TEXTS = ["kalomi ren ta", "né 😀 <s> \x00", ""]
WAVE = np.sin(np.arange(4000) / 20).astype(np.float32)
PIXELS = (np.arange(16 * 16 * 3) % 251).astype(np.uint8).reshape(1, 16, 16, 3)


@dataclass(frozen=True)
class Family:
    """A kind of artefact.

    Attributes:
        files: Its files below the folder of all artefacts.
        open: Opens it, given the folder and the file that was changed, and returns what it held.
    """

    files: Callable[[Path], list[Path]]
    open: Callable[[Path, Path], Any]


def _hash(*parts: Any) -> str:
    state = xxhash.xxh3_128()
    for part in parts:
        if isinstance(part, np.ndarray):
            state.update(f"{part.dtype} {part.shape}".encode() + part.tobytes())
        else:
            state.update(part if isinstance(part, bytes) else repr(part).encode(errors="surrogatepass"))
    return state.hexdigest()


def _below(*folders: str, without: tuple[str, ...] = ()) -> Callable[[Path], list[Path]]:
    def files(root: Path) -> list[Path]:
        found = [path for name in folders for path in sorted(root.glob(name)) if path.is_file()]
        return [path for path in found if path.name not in without]

    return files


def open_shards(root: Path, _: Path) -> Any:
    """Every row of the dataset."""
    from triptych.schemas.dataset.reader import Dataset

    dataset = Dataset(str(root / "dataset"))
    rows = (dataset.row(index) for index in range(dataset.rows))
    return _hash(*(part for row in rows for part in (row.tokens, row.segment, row.modality, row.segments, row.spans)))


def open_lists(root: Path, _: Path) -> Any:
    """The duplicates and the dropped rows, as `triptych show` lists them."""
    from triptych.pipelines.inspection.dropped import dropped_rows
    from triptych.pipelines.inspection.show import show_cluster
    from triptych.schemas.dataset.reader import Dataset

    dataset = Dataset(str(root / "dataset"))
    dropped = list(dropped_rows(dataset, None, None).lines)
    return _hash(dropped, show_cluster(dataset, 1)[0])


def open_manifest(root: Path, _: Path) -> Any:
    """The manifest."""
    from triptych.schemas.dataset.reader import Dataset

    return _hash(Dataset(str(root / "dataset")).manifest.to_bytes())


def verify(root: Path, changed: Path) -> Any:
    """Whether `triptych verify` finds a change of any file."""
    from triptych.pipelines.inspection.verify import verify as find
    from triptych.schemas.errors import Refusal

    findings = find(str(root / "dataset"))[1]
    if findings:
        raise Refusal(" ".join(finding.problem for finding in findings)[:1000].replace("\n", " "))
    return _hash(changed.read_bytes())


def open_checkpoint(root: Path, _: Path) -> Any:
    """Weights, moments, average and state."""
    from . import checkpoint

    return _hash(*checkpoint.load(root / "checkpoints"))


def open_export(root: Path, _: Path) -> Any:
    """The model, as `triptych sample` loads it."""
    from triptych.model.network.export import load_model

    found = load_model(root / "run/model")
    weights = {name: value.numpy() for name, value in sorted(found.model.state_dict().items())}
    return _hash(*weights, *weights.values(), found.vocabulary, found.objective)


def _encoded(bundle: Any) -> Iterator[Any]:
    codes, offsets = bundle.text.encode(TEXTS)
    yield from (codes, offsets, bundle.text.decode(codes[: offsets[1]]))
    yield bundle.image.encode(PIXELS)
    yield bundle.audio.encode([WAVE])[0]
    yield from (bundle.cards, bundle.text.size)


def open_bundle(root: Path, _: Path) -> Any:
    """The tokenizers of a model."""
    from triptych.tokenizers.bundle import Bundle

    return _hash(*_encoded(Bundle.of_model(root / "run/model")))


def open_run_record(root: Path, _: Path) -> Any:
    """The record of a training."""
    from triptych.train.run_record import RunRecord

    record = RunRecord.read(root / "run")
    return _hash(record, record.training)


def open_run_file(root: Path, _: Path) -> Any:
    """A run file: what PyYAML and the model make of it by themselves."""
    from triptych.schemas.config.load import load_run
    from triptych.schemas.config.run import RunConfig

    config = load_run(root / "run.yaml")
    tree = yaml.safe_load((root / "run.yaml").read_bytes().decode())
    return config == RunConfig.model_validate(tree)


def open_train_file(root: Path, _: Path) -> Any:
    """A train file, likewise."""
    from triptych.schemas.config.load_training import load_training
    from triptych.schemas.config.training import TrainConfig

    config = load_training(root / "train.yaml")
    tree = yaml.safe_load((root / "train.yaml").read_bytes().decode())
    return config == TrainConfig.model_validate(tree)


def open_tokenizer(root: Path, changed: Path) -> Any:
    """A tokenizer by its path; any other content is another tokenizer, if its fingerprint says so."""
    from triptych.schemas.config.tokenizers import Tokenizers
    from triptych.tokenizers import registry

    text = {"kind": "sentencepiece", "path": str(root / "dataset/tokenizers/text/text.model")}
    if changed.parent.name == "tokenizers":
        text = {"kind": "huggingface", "path": str(changed)}
        if changed.suffix == ".tiktoken":
            text = {"kind": "tiktoken", "path": str(changed), "pattern": "gpt2"}
    configs = Tokenizers.model_validate(
        {
            "text": text,
            "image": {"kind": "vq", "path": str(root / "dataset/tokenizers/image"), "size": 16},
            "audio": {"kind": "rvq", "path": str(root / "dataset/tokenizers/audio")},
        }
    )
    if changed.parent.name == "image":
        images = registry.load_image(configs.image)
        return images.fingerprint, _hash(images.encode(PIXELS), images.size)
    if changed.parent.name == "audio":
        clips = registry.load_audio(configs.audio)
        return clips.fingerprint, _hash(clips.encode([WAVE])[0], clips.sizes)
    texts = registry.load_text(configs.text)
    codes, offsets = texts.encode(TEXTS)
    return texts.fingerprint, _hash(codes, offsets, texts.decode(codes[: offsets[1]]), texts.size, texts.token_bytes)


def is_allowed(family: str, held: Any, original: Any) -> bool:
    """Whether a changed artefact that was opened may hold this."""
    if family in ("run-file", "train-file"):
        return held is True
    if family == "tokenizer":
        return held == original or held[0] != original[0]
    return bool(held == original)


_DATASET = _below("dataset/*", "dataset/shards/*", "dataset/tokenizers/*/*")
_TOKENIZERS = (
    "tokenizers/*",
    "dataset/tokenizers/text/*.model",
    "dataset/tokenizers/image/*",
    "dataset/tokenizers/audio/*",
)

FAMILIES: dict[str, Family] = {
    "shard": Family(_below("dataset/shards/*"), open_shards),
    "manifest": Family(_below("dataset/manifest.json"), open_manifest),
    "list": Family(_below("dataset/*.parquet"), open_lists),
    "verify": Family(_DATASET, verify),
    "checkpoint": Family(_below("checkpoints/*/*", "checkpoints/*/.metadata"), open_checkpoint),
    "export": Family(
        _below("run/model/*.safetensors", "run/model/config.json", "run/model/vocabulary.json"), open_export
    ),
    "bundle": Family(_below("run/model/tokenizers.json", "run/model/tokenizers/*/*"), open_bundle),
    "run-record": Family(_below("run/run.json"), open_run_record),
    "run-file": Family(_below("run.yaml"), open_run_file),
    "train-file": Family(_below("train.yaml"), open_train_file),
    "tokenizer": Family(_below(*_TOKENIZERS, without=("card.json",)), open_tokenizer),
}
