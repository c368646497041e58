"""Locates the files of pretrained models: a local folder or a hub name, safetensors only."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...schemas.errors import Refusal, brief
from ...schemas.identity import file_fingerprint, fingerprint, parse_json
from ...schemas.storage.file_system import file_system
from ..local_copy import local_copy


class ModelFiles(NamedTuple):
    """The files of a model: its folder, its parsed config.json and its weight files in order of their names."""

    folder: Path
    config: dict[str, Any]
    weights: tuple[Path, ...]

    def fingerprint(self, *also: Any) -> str:
        """Fingerprint config, weights and the values in `also`, independent of where the files are."""
        # keys with an underscore, and the version, describe who saved the file, not the model
        config = {k: v for k, v in self.config.items() if not k.startswith("_") and k != "transformers_version"}
        return fingerprint(config, [file_fingerprint(str(path)) for path in self.weights], *also)


def find_model(path: str, stem: str) -> ModelFiles:
    """Locate the files of a model.

    Args:
        path: A folder, an fsspec URL of one, or a hub name (`owner/name` or `owner/name/subfolder`).
        stem: The library's name for weights, such as `model` for model.safetensors.

    Raises:
        Refusal: Files are missing or there are only pickles.
    """
    folder = local_copy(path)
    if not folder.is_dir():
        folder = _download(path, stem)
    names = {file.name for file in folder.iterdir()}
    _require_config(path, names)
    config = _read_json(folder / "config.json")
    _require_weights(path, stem, names)
    single, index = (
        folder / f"{stem}.safetensors",
        folder / f"{stem}.safetensors.index.json",
    )
    if single.is_file():
        weights = [single]
    else:
        weights = [folder / name for name in sorted(set(_read_json(index).get("weight_map", {}).values()))]
    missing = [file.name for file in weights if not file.is_file()]
    if missing or not weights:
        raise Refusal(
            f"{path}: the index names {', '.join(missing) or 'no file'}, which is missing. Copy the whole folder again."
        )
    return ModelFiles(folder, config, tuple(weights))


def require_model_files(path: str, stem: str) -> None:
    """Check, without reading them, that the files of a model are in a folder or at an fsspec URL; see `find_model`."""
    fs, where = file_system(path)
    names = {file.rstrip("/").rpartition("/")[2] for file in fs.ls(where, detail=False)}
    _require_config(path, names)
    _require_weights(path, stem, names)


def _require_config(path: str, names: set[str]) -> None:
    if "config.json" not in names:
        raise Refusal(f"{path}: has no config.json. Give the folder that the model was saved to.")


def _require_weights(path: str, stem: str, names: set[str]) -> None:
    if not names & {f"{stem}.safetensors", f"{stem}.safetensors.index.json"}:
        pickles = sorted(name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt")))
        why = f"only pickled weights ({pickles[0]}), which can run code when loaded" if pickles else "no weights"
        raise Refusal(f"{path}: holds {why}. Give a model saved as {stem}.safetensors.")


def load_whole(path: str, load: Callable[[], tuple[Any, Mapping[str, Any]]]) -> Any:
    """Load a model whose weight files hold every parameter that its config asks for.

    The libraries fill in random numbers for a parameter that the files lack, so its codes would be others each time.

    Args:
        path: Where the model is, for the message.
        load: The library's `from_pretrained` with `output_loading_info=True`.

    Raises:
        Refusal: The library cannot load the model, or parameters are missing or of another shape.
    """
    try:
        model, info = load()
    except Refusal:
        raise
    except Exception as error:  # the libraries raise whatever a damaged config or file leads to
        raise Refusal(f"{path}: the model cannot be loaded ({brief(error)}). Copy the whole folder again.") from None
    lost = sorted({*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])})
    if lost:
        raise Refusal(
            f"{path}: its weights lack {len(lost):,} parameters that config.json asks for, such as {lost[0]}, so one "
            "of the files is damaged. Copy the whole folder again."
        )
    return model


def _download(path: str, stem: str) -> Path:
    from huggingface_hub import snapshot_download

    parts = path.split("/")
    if path.startswith((".", "/", "~")) or len(parts) < 2 or not all(parts):
        raise Refusal(f"{path}: is neither a folder nor a hub name (owner/name). Check `path`.")
    repository, subfolder = "/".join(parts[:2]), "/".join(parts[2:])
    names = [
        "config.json",
        f"{stem}.safetensors",
        f"{stem}.safetensors.index.json",
        f"{stem}-*.safetensors",
    ]
    wanted = [f"{subfolder}/{name}" if subfolder else name for name in names]
    try:
        return Path(snapshot_download(repository, allow_patterns=wanted)) / subfolder
    except Exception as error:
        raise Refusal(
            f"{path}: no such folder, and fetching it from the Hugging Face hub failed ({type(error).__name__}). "
            "Check the name and the network, or give a local folder."
        ) from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        tree = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refusal(
            f"{path}: cannot be read as JSON ({' '.join(str(error).split())}). Copy the file again."
        ) from None
    if not isinstance(tree, dict):
        raise Refusal(
            f"{path}: holds {type(tree).__name__}, not a JSON object with the model's config. Copy the file again."
        )
    return tree
