"""Files that documents were made from are found again, unless they are other ones by now."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.inspection.originals import originals, sources_of
from triptych.schemas.config.load import load_run
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal

from ...golden.runs import FIXTURES


def places(dataset: Dataset, kind: int) -> dict[bytes, tuple[str, str, int]]:
    rows = [dataset.row(index) for index in range(dataset.rows)]
    segments = [segment for row in rows for segment in row.segments if segment["kind"] == kind]
    return {one["id"]: (one["source"], one["file"], one["row"]) for one in segments}


def test_the_pictures_of_documents_are_those_that_they_were_made_from(
    made: Path, makers: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # the paths of the run file are relative, and found again from anywhere
    where = places(Dataset(str(made)), kind=1)
    found = originals(Dataset(str(made)), where, "image")
    assert found.keys() == where.keys()
    for document, (_, file, row) in where.items():
        assert found[document] == makers.picture(100 * int(file[0]) + row)


def test_other_content_is_not_given_for_it(
    made: Path, home: Path, makers: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(home / "corpora", tmp_path / "corpora")
    shutil.copy(home / "run.yaml", tmp_path)
    makers.write_tar(tmp_path / "corpora/stamps/0.tar", {"000.png": makers.picture(7), "000.txt": b"another"})
    monkeypatch.chdir(tmp_path)
    where = places(Dataset(str(made)), kind=1)
    run = load_run("run.yaml")
    found = originals(Dataset(str(made)), where, "image", run)
    assert {where[document][1] for document in found} == {"1.tar"}
    shutil.rmtree(tmp_path / "corpora")
    with pytest.raises(Refusal, match="does not exist"):
        originals(Dataset(str(made)), where, "image", run)


def test_a_dataset_that_was_handed_on_needs_the_run_file(made: Path, home: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "out", ignore=shutil.ignore_patterns("_work", "run.json"))
    dataset = Dataset(str(tmp_path / "out"))
    where = places(dataset, kind=1)
    with pytest.raises(Refusal, match=r"--sources run\.yaml"):
        originals(dataset, where, "image")


def test_a_changed_record_of_the_run_is_refused(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "out", ignore=shutil.ignore_patterns("_work"))
    record = tmp_path / "out/run.json"
    record.write_bytes(record.read_bytes().replace(b"corpora", b"corpore"))
    with pytest.raises(Refusal, match="seal does not match"):
        sources_of(Dataset(str(tmp_path / "out")))


def test_a_dataset_of_before_has_its_places_in_the_manifest() -> None:
    run = sources_of(Dataset(str(FIXTURES / "serial")))
    assert [source.path for source in run.sources] == [
        "corpus/docs/*.jsonl.gz",
        "corpus/pictures/*.tar",
        "corpus/clips.parquet",
    ]


def test_nothing_that_is_published_says_where_anything_lay(
    tree: Any, prepared: Any, made: Path, tmp_path: Path
) -> None:
    prepared(tree(tmp_path / "out"))
    shutil.rmtree(tmp_path / "out/_work")
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file() and path.name != "run.json":
            data = path.read_bytes()
            assert str(tmp_path).encode() not in data, path
            assert str(made).encode() not in data, path
            assert b"corpora" not in data, path
    places = json.loads((tmp_path / "out/run.json").read_bytes())["config"]["sources"]
    assert all(source["path"].startswith("/") for source in places)


def test_samples_of_one_row_and_whole_files_are_found_by_their_ids(
    text_tree: Any, prepared: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"texts": ["first", "second"]}) + "\n")
    for n in range(3):
        (tmp_path / f"{n}.txt").write_text(f"file {n}")
    lists = {"name": "lists", "kind": "jsonl", "path": f"{tmp_path}/a.jsonl", "text": "texts", "text_from": "each"}
    files = {"name": "files", "kind": "files", "path": f"{tmp_path}/*.txt"}
    prepared(text_tree(tmp_path / "out", sources=[lists, files]))
    dataset = Dataset(str(tmp_path / "out"))
    found = originals(dataset, places(dataset, kind=0), "text")
    assert sorted(found.values()) == ["file 0", "file 1", "file 2", "first", "second"]
