"""Files that documents were made from are found again, unless they are other ones by now."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.inspection.originals import originals
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal


def places(dataset: Dataset, kind: int) -> dict[bytes, tuple[str, str, int]]:
    rows = [dataset.row(index) for index in range(dataset.rows)]
    segments = [segment for row in rows for segment in row.segments if segment["kind"] == kind]
    return {one["id"]: (one["source"], one["file"], one["row"]) for one in segments}


def test_the_pictures_of_documents_are_those_that_they_were_made_from(
    made: Path, home: Path, makers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    where = places(Dataset(str(made)), kind=1)
    found = originals(Dataset(str(made)), where, "image")
    assert found.keys() == where.keys()
    for document, (_, file, row) in where.items():
        assert found[document] == makers.picture(100 * int(file[0]) + row)


def test_other_content_is_not_given_for_it(
    made: Path, home: Path, makers: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(home / "corpora", tmp_path / "corpora")
    makers.write_tar(tmp_path / "corpora/stamps/0.tar", {"000.png": makers.picture(7), "000.txt": b"another"})
    monkeypatch.chdir(tmp_path)
    where = places(Dataset(str(made)), kind=1)
    found = originals(Dataset(str(made)), where, "image")
    assert {where[document][1] for document in found} == {"1.tar"}
    shutil.rmtree(tmp_path / "corpora")
    with pytest.raises(Refusal, match="does not exist"):
        originals(Dataset(str(made)), where, "image")
