"""Loads the files of torch.distributed.checkpoint (DCP) without running code that they may contain.

DCP describes a checkpoint in a pickle, `.metadata`, and stores values that are no tensors as pickles in the `.distcp`
files; it would load both without a restriction. Here the description may hold the few classes of DCP's own that it
needs, and values are loaded by `torch.load` with `weights_only=True`.
"""

import io
import pickle
import re
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint._traverse import set_element
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import Metadata, StorageMeta
from torch.distributed.checkpoint.planner import ReadItem
from torch.distributed.checkpoint.state_dict_loader import load

METADATA = ".metadata"
TENSOR_FILE = re.compile(r"__(\d+)_\d+\.distcp")
_DCP = "torch.distributed.checkpoint"
_CLASSES = {
    (f"{_DCP}.metadata", name)
    for name in (
        "Metadata",
        "MetadataIndex",
        "StorageMeta",
        "TensorStorageMetadata",
        "BytesStorageMetadata",
        "ChunkStorageMetadata",
        "TensorProperties",
        "_MEM_FORMAT_ENCODING",
    )
} | {
    (f"{_DCP}.filesystem", "_StorageInfo"),
    ("torch", "Size"),
    ("torch.serialization", "_get_layout"),
    ("pathlib", "PosixPath"),
    ("pathlib._local", "PosixPath"),  # its name in Python 3.13
    ("collections", "OrderedDict"),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        dtype = module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)
        if dtype or (module, name) in _CLASSES:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{METADATA} names {module}.{name}, which is no part of a checkpoint")


class _Reader(FileSystemReader):
    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        return read_metadata(Path(self.path))


class _Planner(DefaultLoadPlanner):
    def load_bytes(self, read_item: ReadItem, value: io.BytesIO) -> None:
        path = self.mappings[read_item.dest_index.fqn]
        set_element(self.original_state_dict, path, torch.load(value, weights_only=True))


def read_metadata(folder: Path) -> Metadata:
    """Read the description of a checkpoint.

    Raises:
        pickle.UnpicklingError: It names a class or a file that is no part of a checkpoint.
    """
    found = _Unpickler(io.BytesIO((folder / METADATA).read_bytes())).load()
    if not isinstance(found, Metadata) or not isinstance(found.storage_data, dict):
        raise pickle.UnpicklingError(f"{METADATA} does not describe a checkpoint")
    for place in found.storage_data.values():
        if not TENSOR_FILE.fullmatch(str(place.relative_path)) or place.transform_descriptors:
            raise pickle.UnpicklingError(f"{METADATA} names the file {str(place.relative_path)[:100]!r}")
    found.storage_meta = StorageMeta()
    return found


def load_tensors(tensors: dict[str, Any], folder: Path) -> None:
    """Load a checkpoint into the tensors of a nested state dict, in place; called by all processes."""
    load(tensors, storage_reader=_Reader(folder), planner=_Planner())
