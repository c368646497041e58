"""What a takedown cannot remove from where it is, and what it can: copies of shards in the cache of trainings."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...schemas.config.training import Data
from ...schemas.dataset.file_entry import ShardEntry
from ...schemas.dataset.manifest import Manifest
from ...schemas.errors import Refusal

CACHE: str = Data.model_fields["cache"].default


def delete_cached(shards: Iterable[ShardEntry]) -> tuple[str, ...]:
    """Delete the copies of shards in the default cache of trainings on remote datasets; returns their paths.

    Raises:
        Refusal: A copy cannot be deleted.
    """
    deleted = []
    for entry in shards:
        for name in (f"{entry.xxh3}.arrow", f"{entry.xxh3}.part"):
            try:
                path = Path(CACHE).expanduser() / name
                path.unlink()
            except (FileNotFoundError, NotADirectoryError, RuntimeError):  # RuntimeError: there is no home
                continue
            except OSError as error:
                raise Refusal(
                    f"{path}: this copy of a shard cannot be deleted ({error.strerror}), so nothing was taken down. "
                    "Delete it, then run the same command again.",
                    exit_code=1,
                ) from None
            deleted.append(str(path))
    return tuple(deleted)


def remains(manifest: Manifest) -> list[str]:
    """What may still hold the documents of a dataset after a takedown, a sentence each."""
    trained = [name for name in manifest.tokenizers if _trained_in_run(manifest, name)]
    found = []
    if trained:
        found.append(
            f"the {_listed(trained)} tokenizer{'s' * (len(trained) > 1)} of this dataset, which the run trained on its "
            "documents; prepare into a new `out` to train others"
        )
    return [
        *found,
        f"runs, checkpoints and models trained on it: `run.json` of a run names {manifest.fingerprint}",
        f"copies of shards in a `data.cache` other than {CACHE}",
        "sources, other datasets made from them, files that `triptych show --out` wrote, and backups",
    ]


def _trained_in_run(manifest: Manifest, modality: str) -> bool:
    return manifest.config.get("tokenizers", {}).get(modality, {}).get("path", None) is None


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
