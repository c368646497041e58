"""Details of drops are the same in equal runs."""

import io

import pytest

from triptych.schemas.dataset.drop_detail import error_detail, without_addresses


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (
            "Error opening <_io.BytesIO object at 0x7f00aa>: Format not recognised.",
            "Error opening: Format not recognised.",
        ),
        ("cannot identify image file <_io.BytesIO object at 0x7FAB>", "cannot identify image file"),
        ("'/data/x/tmp/a.flac' is cut short", "'a.flac' is cut short"),
        ("and/or, 1/2, https://host/a/b, ratio 3/4/5", "and/or, 1/2, https://host/a/b, ratio 3/4/5"),
        ("<not a tag> at 0x10", "<not a tag> at 0x10"),
    ],
)
def test_a_detail_holds_no_address_and_no_place(said: str, detail: str) -> None:
    assert error_detail(ValueError(said)) == detail


def test_the_representation_of_any_object_is_left_out() -> None:
    assert without_addresses(f"got {io.BytesIO()!r} and {object()!r}") == "got and"
