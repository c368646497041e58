"""Tables that name media: which column, which of several tables, and one source for tables of many folders."""

from pathlib import Path

import pytest

from triptych.pipelines.starting.file_names import NameMatch
from triptych.pipelines.starting.guessed import Guess
from triptych.pipelines.starting.listing import list_files
from triptych.pipelines.starting.media_tables import best_columns, media_tables


def tables(path: Path, files: dict[str, str]) -> list[Guess]:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    listing, about = list_files(str(path))
    return media_tables(listing, frozenset(about), [])


CLIPS = {f"clips/{n}.wav": "x" for n in range(4)}


def table(rows: int = 4) -> str:
    return "path,sentence\n" + "".join(f"{n}.wav,a sentence of words {n}\n" for n in range(rows))


def test_the_prefix_that_names_lack(tmp_path: Path) -> None:
    (found,) = tables(tmp_path, CLIPS | {"list.csv": table()})
    fields = {"audio": "path", "text": "sentence"}
    assert (
        found.keys == {"kind": "folder", "path": str(tmp_path), "table": "list.csv", "path_prefix": "clips/"} | fields
    )
    assert found.claimed == {"list.csv", *CLIPS}


@pytest.mark.parametrize(
    ("names", "chosen", "other"),
    [
        (("validated.csv", "test.csv"), "validated.csv", "test.csv"),
        (("validated.csv", "train.csv"), "train.csv", "validated.csv"),
        (("dev.csv", "other.csv"), "other.csv", "dev.csv"),
    ],
)
def test_one_of_several_tables_of_the_same_files(
    tmp_path: Path, names: tuple[str, str], chosen: str, other: str
) -> None:
    (found,) = tables(tmp_path, CLIPS | {name: table() for name in names})
    assert found.keys["table"] == chosen
    assert found.hints == (f"other tables of these files, which may overlap with this one: {other}",)
    assert {*names} <= found.claimed


def test_tables_of_many_folders_are_one_source(tmp_path: Path) -> None:
    files = {f"{n}/{name}": text for n in range(3) for name, text in {"0.wav": "x", "list.csv": table(1)}.items()}
    (found,) = tables(tmp_path, files)
    assert found.keys["path"] == str(tmp_path)
    assert found.keys["table"] == "**/*.csv"
    assert found.claimed == frozenset(files)


def test_tables_without_names_of_files_or_texts_are_none(tmp_path: Path) -> None:
    files = {"a.csv": "path,sentence\nx.wav,words of it\n", "b.csv": "path,n\n0.wav,1\n", "clips/0.txt": "words"}
    assert tables(tmp_path, CLIPS | files) == []


def test_columns_that_lack_something_else_are_not_chosen() -> None:
    def match(prefix: str, modality: str, found: int) -> NameMatch:
        return NameMatch(prefix, "", modality, found, "file", False)

    matches = {"a": match("x/", "image", 3), "b": match("x/", "audio", 2), "c": match("", "image", 9)}
    assert {name: column for name, (column, _) in best_columns(matches).items()} == {"image": "c"}
    del matches["c"]
    assert {name: column for name, (column, _) in best_columns(matches).items()} == {"image": "a", "audio": "b"}
