"""A glob that finds nothing comes with the reason that is the case, and with an example that exists."""

from pathlib import Path

from triptych.pipelines.sources.glob_advice import advice


def test_braces_are_not_expanded(tmp_path: Path) -> None:
    assert "Braces are not expanded" in advice(f"{tmp_path}/{{a,b}}.txt", local=True)


def test_a_bracket_in_a_name_is_escaped_in_the_example(tmp_path: Path) -> None:
    (tmp_path / "set [v1]").mkdir()
    (tmp_path / "set [v1]/a.txt").write_text("x")
    assert f"here, {tmp_path}/set [[]v1]/*.txt" in advice(f"{tmp_path}/set [v1]/*.txt", local=True)
    assert "here," not in advice("s3://bucket/set [v1]/*.txt", local=False)


def test_the_file_in_other_case_is_named(tmp_path: Path) -> None:
    (tmp_path / "A.TXT").write_text("x")
    assert f"there is {tmp_path}/A.TXT" in advice(f"{tmp_path}/*.txt", local=True)


def test_a_glob_of_folders_is_told_how_to_reach_their_files(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    assert f"the files in them are {tmp_path}/*/*" in advice(f"{tmp_path}/*", local=True)


def test_a_name_that_begins_with_a_dot_is_named(tmp_path: Path) -> None:
    (tmp_path / ".a.txt").write_text("x")
    assert f"such as {tmp_path}/.a.txt" in advice(f"{tmp_path}/*.txt", local=True)


def test_without_a_reason_the_path_is_to_be_checked(tmp_path: Path) -> None:
    assert advice(f"{tmp_path}/*.txt", local=True) == "Check the path and its wildcards."
