"""A refusal has its message alone and the exit code of its kind."""

import pytest

from triptych.schemas.errors import Mismatch, Refusal


def test_misuse_exits_with_two_and_a_failed_check_as_it_says() -> None:
    assert (str(Refusal("no such file.")), Refusal("no such file.").exit_code) == ("no such file.", 2)
    assert Refusal("a check failed.", exit_code=1).exit_code == 1


def test_a_mismatch_names_both_sides_and_what_to_do() -> None:
    error = Mismatch.between("vocabulary", ("the model", "aa"), ("the dataset", "bb"), "Prepare it again.")
    assert str(error) == "vocabulary differs: the model has aa, the dataset has bb. Prepare it again."
    assert error.exit_code == 1
    with pytest.raises(Refusal, match="vocabulary differs"):
        raise error
