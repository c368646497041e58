"""A source file that changes or vanishes under a run is refused by name, and never gives rows of two versions."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from triptych.pipelines.engines.journal import Journal, Step
from triptych.pipelines.prepare import prepare
from triptych.pipelines.sources.base import Reader
from triptych.pipelines.sources.change_detection import TICK, stamp
from triptych.pipelines.sources.registry import open_source
from triptych.schemas.config.load import check
from triptych.schemas.config.run import Limits, RunConfig
from triptych.schemas.config.sources import Source
from triptych.schemas.errors import Refusal

BUDGET = 2000


def reader(path: object, **config: Any) -> Reader:
    source = TypeAdapter(Source).validate_python({"name": "src", "path": str(path), "text": "text", **config})
    return open_source(source, Limits(), BUDGET)


def jsonl(folder: Path, makers: Any, seed: int) -> tuple[Path, dict[str, Any]]:
    makers.write_docs(folder / "a.jsonl", [makers.words(seed + i, 40) for i in range(60)])
    return folder / "a.jsonl", {"kind": "jsonl", "modality": "text"}


def gzipped(folder: Path, makers: Any, seed: int) -> tuple[Path, dict[str, Any]]:
    makers.write_docs(folder / "a.jsonl.gz", [makers.words(seed + i, 40) for i in range(60)])
    return folder / "a.jsonl.gz", {"kind": "jsonl", "modality": "text"}


def tar(folder: Path, makers: Any, seed: int) -> tuple[Path, dict[str, Any]]:
    members = {f"{i}.{end}": makers.words(seed + i, 40).encode() for i in range(30) for end in ("png", "txt")}
    makers.write_tar(folder / "a.tar", members)
    return folder / "a.tar", {"kind": "webdataset", "modality": "image-text", "image": "png", "text": "txt"}


def parquet(folder: Path, makers: Any, seed: int) -> tuple[Path, dict[str, Any]]:
    rows = [{"audio": makers.words(seed + i, 40).encode(), "text": makers.words(seed + i, 9)} for i in range(60)]
    makers.write_clips(folder / "a.parquet", rows)
    return folder / "a.parquet", {"kind": "parquet", "modality": "audio-text", "audio": "audio"}


Change = Callable[[Path], None]


def write_in_place(path: Path) -> None:
    """One byte in the middle, and the time of the last change set back, as `rsync --inplace --times` does."""
    times = path.stat()
    with path.open("r+b") as file:
        file.seek(times.st_size // 2)
        byte = file.read(1)
        file.seek(times.st_size // 2)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def replace_by_another(path: Path) -> None:
    """The same size and time, under the same name."""
    times, other = path.stat(), path.with_suffix(".new")
    other.write_bytes(path.read_bytes()[::-1])
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"{}\n")


CHANGES = [write_in_place, replace_by_another, cut, append, Path.unlink]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("write", [jsonl, gzipped, tar, parquet])
def test_nothing_comes_of_a_file_after_its_change(tmp_path: Path, makers: Any, write: Any, change: Change) -> None:
    path, config = write(tmp_path, makers, 0)
    source = reader(path, **config)
    units = source.units()
    whole = [batch.table for unit in units for batch in source.read(unit)]
    assert len(whole) > 2
    batches = source.read(units[0])
    assert next(batches).table == whole[0]
    change(path)
    verb = "vanished" if change is Path.unlink else "changed"
    message = rf"{path} {verb} during the run\. .*run the same command again"
    with pytest.raises(Refusal, match=message) as caught:
        next(batches)
    assert caught.value.exit_code == 1
    for unit in units:
        with pytest.raises(Refusal, match=message):
            source.digest(unit)
        with pytest.raises(Refusal, match=message):
            next(source.read(unit))


@settings(max_examples=20)
@given(st.integers(0, 1 << 30), st.integers(0, 1 << 30), st.binary(min_size=1, max_size=3000))
def test_all_that_comes_is_of_the_first_version(
    tmp_path_factory: pytest.TempPathFactory, makers: Any, moment: int, place: int, data: bytes
) -> None:
    path, config = jsonl(tmp_path_factory.mktemp("change"), makers, 0)
    source = reader(path, **config)
    (unit,) = source.units()
    whole = [batch.table for batch in source.read(unit)]
    moment, place = moment % len(whole), place % path.stat().st_size
    got = []
    try:
        for index, batch in enumerate(source.read(unit)):
            got.append(batch.table)
            if index == moment:
                with path.open("r+b") as file:
                    file.seek(place)
                    file.write(data)
        raise AssertionError("not refused")
    except Refusal:
        assert got == whole[: moment + 1]


def test_two_writes_within_one_tick_of_the_file_s_clock_show(tmp_path: Path) -> None:
    path, seen = tmp_path / "file", set()
    for byte in b"abcdefgh":
        path.write_bytes(bytes([byte]))
        before = time.monotonic()
        seen.add(stamp(str(path)))
        assert time.monotonic() - before < 10 * TICK
    assert len(seen) == 8


@contextmanager
def folder_of_pictures(folder: Path, makers: Any) -> Iterator[Reader]:
    folder.mkdir()
    for n in range(4):
        (folder / f"{n}.png").write_bytes(makers.picture(n))
    (folder / "metadata.csv").write_text("file_name,text\n" + "".join(f"{n}.png,no. {n}\n" for n in range(4)))
    yield reader(folder, kind="folder", modality="image-text", image="file_name")


def write_other_picture(folder: Path, makers: Any) -> None:
    (folder / "2.png").write_bytes(makers.picture(9))


def remove_picture(folder: Path, makers: Any) -> None:
    (folder / "2.png").unlink()


def add_row(folder: Path, makers: Any) -> None:
    with (folder / "metadata.csv").open("a") as file:
        file.write("1.png,again\n")


def remove_table(folder: Path, makers: Any) -> None:
    (folder / "metadata.csv").unlink()


@pytest.mark.parametrize("change", [write_other_picture, remove_picture, add_row, remove_table])
def test_files_that_rows_name_are_those_that_were_identified(tmp_path: Path, makers: Any, change: Any) -> None:
    folder = tmp_path / "pictures"
    with folder_of_pictures(folder, makers) as source:
        units = [replace(unit, digest=source.digest(unit)) for unit in source.units()]
        assert sum(len(batch.table) for unit in units for batch in source.read(unit)) == 4
        change(folder, makers)
        with pytest.raises(Refusal, match=rf"{folder}/metadata.csv.* during the run"):
            [batch for unit in units for batch in source.read(unit)]


def test_what_datasets_loads_is_what_was_identified(
    tmp_path: Path, makers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    path, _ = jsonl(tmp_path, makers, 0)
    config = {"kind": "datasets", "modality": "text", "data_files": str(path)}
    source = reader("json", **config)
    unit = next(iter(source.units()))
    unit = replace(unit, digest=source.digest(unit))
    assert list(reader("json", **config).read(unit))
    jsonl(tmp_path, makers, 1)
    # as another process would load it
    with pytest.raises(Refusal, match=r"json: rows 0 to \d+, or a file that they name, changed"):
        reader("json", **config).read(unit)


class At(Journal):
    """A journal that acts when a step begins."""

    def __init__(self, label: str, act: Callable[[], None]) -> None:
        super().__init__()
        self._label, self._act = label, act

    @contextmanager
    def step(self, label: str, total: int, reused: int) -> Iterator[Step]:
        if label == self._label:
            self._act()
        with super().step(label, total, reused) as step:
            yield step


@pytest.fixture
def docs(tmp_path: Path, makers: Any, sources: list[dict[str, Any]]) -> dict[str, Any]:
    """Two files of text, as a source."""
    for name in "ab":
        makers.write_docs(tmp_path / f"docs/{name}.jsonl", [makers.words(ord(name) * 99 + i, 40) for i in range(60)])
    return sources[0] | {"path": f"{tmp_path}/docs/*.jsonl"}


@pytest.mark.parametrize(("moment", "change"), [("inputs", cut), ("inputs", Path.unlink), ("read", write_in_place)])
def test_a_run_refuses_and_then_takes_what_is_there(
    text_tree: Any,
    prepared: Any,
    contents: Any,
    tmp_path: Path,
    docs: dict[str, Any],
    moment: str,
    change: Change,
) -> None:
    path, old = tmp_path / "docs/b.jsonl", (tmp_path / "docs/b.jsonl").read_bytes()
    tree = text_tree(tmp_path / "out", sources=[docs])
    with pytest.raises(Refusal, match=f"{path} (changed|vanished) during the run"):
        prepare(check(RunConfig, tree, "test"), At(moment, lambda: change(path)))
    # first with the new content, then with the old: neither finds anything of the other under its name
    for fresh in ("new", "old"):
        prepared(tree)
        prepared(text_tree(tmp_path / fresh, sources=[docs]))
        assert contents(tmp_path / "out") == contents(tmp_path / fresh), fresh
        path.write_bytes(old)


def test_a_file_that_is_written_to_while_it_is_read(
    text_tree: Any, prepared: Any, contents: Any, tmp_path: Path, docs: dict[str, Any]
) -> None:
    path, old = tmp_path / "docs/a.jsonl", (tmp_path / "docs/a.jsonl").read_bytes()
    out, read = tmp_path / "out", tmp_path / "out/_work/read"
    tree = text_tree(out, sources=[docs], partition_bytes=1024)

    def write_at_the_first_partition() -> None:
        while not read.exists() or not any(read.iterdir()):
            time.sleep(0.001)
        write_in_place(path)

    writer = threading.Thread(target=write_at_the_first_partition)
    writer.start()
    with pytest.raises(Refusal, match=f"{path} changed during the run"):
        prepared(tree)
    writer.join()
    assert 0 < sum(name.name.endswith(".arrow") for name in read.iterdir()) < len(old) // 1024
    # what was committed before the change is of the old content, and is taken up when that is there again
    path.write_bytes(old)
    prepared(tree)
    prepared(text_tree(tmp_path / "fresh", sources=[docs], partition_bytes=1024))
    assert contents(out) == contents(tmp_path / "fresh")
