"""A path that is not a dataset is explained in one paragraph, with the path that was probably meant."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal


def write(*paths: Path, text: str = "{}") -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def run_folder(root: Path) -> None:
    write(root / "run" / "metrics.jsonl")
    write(root / "run" / "run.json", text=json.dumps({"config": {"data": {"datasets": [{"path": "out/a"}]}}}))


MIX = "datasets: [{path: out/a, weight: 1}, {path: out/a, weight: 2}, {path: out/b, weight: 1}]\n"
CASES: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "nothing": (lambda root: None, "none", "none: no such file or folder. Give the folder of a dataset"),
    "file": (lambda root: write(root / "a.txt"), "a.txt", "this is a file, not a finished dataset"),
    "empty": (lambda root: (root / "e").mkdir(), "e", "this is an empty folder, not a finished dataset"),
    "other": (lambda root: write(root / "o/x"), "o", "a folder with other files, not a finished dataset"),
    "shard": (
        lambda root: write(root / "out/manifest.json", root / "out/shards/text-0.arrow"),
        "out/shards/text-0.arrow",
        "this is a shard of a dataset, not a finished dataset (no manifest.json). Give the folder of the dataset: out.",
    ),
    "manifest": (
        lambda root: write(root / "manifest.json"),
        "manifest.json",
        "a file of a dataset, not a finished dataset (no manifest.json). Give the folder of the dataset: .",
    ),
    "shards": (
        lambda root: write(root / "out/manifest.json", root / "out/shards/text-0.arrow"),
        "out/shards",
        "a folder of a dataset, not a finished dataset (no manifest.json). Give the folder of the dataset: out.",
    ),
    "training run": (run_folder, "run", "the folder of a training run, not a finished dataset (no manifest.json). "),
    "trained on": (run_folder, "run", "Give one of the datasets that it was trained on: out/a."),
    "unreadable run": (lambda root: write(root / "r/metrics.jsonl"), "r", "training run"),
    "model": (
        lambda root: write(root / "m/config.json", root / "m/model.safetensors"),
        "m",
        "this is the folder of a model",
    ),
    "unfinished": (
        lambda root: write(root / "out/_work/read/0.arrow"),
        "out/",
        "an unfinished preparation, not a finished dataset (no manifest.json). Run `triptych prepare` with",
    ),
    "takedown": (
        lambda root: write(root / "out/_takedown/manifest.json"),
        "out",
        "interrupted takedown, not a finished dataset (no manifest.json). Run the same `triptych takedown`",
    ),
    "parent": (
        lambda root: write(root / "out/a/manifest.json", root / "out/b/manifest.json"),
        "out",
        "a folder that contains datasets, not a finished dataset (no manifest.json). Give one of them: out/a, out/b.",
    ),
    "run file": (
        lambda root: write(root / "run.yaml", text="out: out/a\nsources: []\n"),
        "run.yaml",
        "a run file, not a finished dataset (no manifest.json). Run `triptych prepare run.yaml`, then give the "
        "folder of its `out`: out/a.",
    ),
    "train file": (
        lambda root: write(root / "train.yaml", text="data: {datasets: [{path: out/a, weight: 1}]}\n"),
        "train.yaml",
        "a train file, not a finished dataset (no manifest.json). Give one of the datasets that it names: out/a.",
    ),
    "mix file": (lambda root: write(root / "mix.yml", text=MIX), "mix.yml", "datasets that it names: out/a, out/b."),
    "other YAML": (lambda root: write(root / "x.yaml", text="[1"), "x.yaml", "this is a YAML file, not"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_error_names_what_it_is_and_what_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    make, path, words = CASES[case]
    make(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refusal) as caught:
        Dataset(path)
    assert words in str(caught.value)
    assert "manifest.json" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_dataset_above_the_working_folder_is_named_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "out/manifest.json")
    write(tmp_path / "out/shards/text-0.arrow")
    monkeypatch.chdir(tmp_path / "out/shards")
    with pytest.raises(Refusal, match=f"Give the folder of the dataset: {tmp_path}/out"):
        Dataset("text-0.arrow")


def test_an_object_store_is_explained_like_a_disk() -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    MemoryFileSystem().pipe_file("/bucket/out/manifest.json", b"{}")
    MemoryFileSystem().pipe_file("/bucket/out/shards/text-0.arrow", b"")
    with pytest.raises(Refusal, match=r"a shard of a dataset, .*Give the folder of the dataset: memory://bucket/out\."):
        Dataset("memory://bucket/out/shards/text-0.arrow")
