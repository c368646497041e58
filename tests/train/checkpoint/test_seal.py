"""Every file of a checkpoint is sealed; one that is missing, cut or changed is named."""

from pathlib import Path

import pytest

from triptych.train.checkpoint.seal import FILES, STATE, damaged, entries_of, read_state, write_state

FILES_OF_TWO = {".metadata": b"meta", "__0_0.distcp": b"first", "__1_0.distcp": b"second", "__10_0.distcp": b"tenth"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in FILES_OF_TWO.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "notes.txt").write_text("not of the checkpoint")
    return tmp_path


def test_a_process_seals_its_own_files_and_rank_0_the_description(folder: Path) -> None:
    assert sorted(entries_of(folder, 0)) == [".metadata", "__0_0.distcp"]
    assert sorted(entries_of(folder, 1)) == ["__1_0.distcp"]
    assert entries_of(folder, 0)["__0_0.distcp"][0] == 5


def test_what_is_written_is_read_and_whole(folder: Path) -> None:
    files = {name: entry for rank in (0, 1, 10) for name, entry in entries_of(folder, rank).items()}
    write_state(folder, {"step": 4}, files)
    assert read_state(folder) == ({"step": 4}, files)
    assert [damaged(folder, files, rank, 2) for rank in (0, 1)] == [None, None]


def test_a_changed_state_is_refused(folder: Path) -> None:
    write_state(folder, {"step": 4}, {})
    path = folder / STATE
    path.write_bytes(path.read_bytes().replace(b"4", b"5", 1))
    with pytest.raises(ValueError):  # noqa: PT011
        read_state(folder)


def test_a_checkpoint_without_entries_is_of_an_older_version(folder: Path) -> None:
    from triptych.schemas.identity import sealed_json

    (folder / STATE).write_bytes(sealed_json({"step": 4}))
    assert read_state(folder) == ({"step": 4}, None)
    assert FILES not in read_state(folder)[0]


def test_damage_is_named_by_the_process_that_checks_the_file(folder: Path) -> None:
    files = {name: entry for rank in (0, 1, 10) for name, entry in entries_of(folder, rank).items()}
    (folder / "__1_0.distcp").write_bytes(b"secon!")
    found = [damaged(folder, files, rank, 2) for rank in (0, 1)]
    assert [each for each in found if each] == ["the checksum of __1_0.distcp does not match"]
    (folder / "__1_0.distcp").write_bytes(b"sec")
    assert damaged(folder, files, 0, 1) == "__1_0.distcp has 3 bytes, not 6"
    (folder / "__1_0.distcp").unlink()
    assert damaged(folder, files, 0, 1) == "__1_0.distcp is missing"


def test_a_name_that_leads_elsewhere_is_no_file_of_a_checkpoint(folder: Path) -> None:
    (folder.parent / "__0_0.distcp").write_bytes(b"first")
    entry = entries_of(folder, 0)["__0_0.distcp"]
    assert damaged(folder, {"../__0_0.distcp": entry}, 0, 1) == "../__0_0.distcp is missing"
