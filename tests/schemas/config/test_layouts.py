"""Keys that say how files belong together are parsed as they are meant."""

import pytest
from pydantic import ValidationError

from triptych.schemas.config.layouts import Items, Join, items_of


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("conversations[from=gpt].value", Items("conversations", "from", "gpt", "value")),
        ("sentences[].raw", Items("sentences", None, None, "raw")),
        ("a[k=].v", Items("a", "k", "", "v")),
        ("a[k=b=c].v", Items("a", "k", "b=c", "v")),
        ("text", None),
        ("a[0].v", None),
        ("a[k=v]", None),
        ("a[k=v].b[c]", None),
    ],
)
def test_paths_into_lists(column: str, expected: Items | None) -> None:
    assert items_of(column) == expected


def test_a_join_names_both_columns() -> None:
    assert Join(table="images", on=" image_id=id ").columns == ("image_id", "id")


def test_a_bare_on_of_yaml_is_the_key() -> None:
    assert Join.model_validate({"table": "images", True: "a = b"}).columns == ("a", "b")


@pytest.mark.parametrize("on", ["id", "= id", "id =", "a = b = c", "a b = c"])
def test_a_join_needs_two_columns(on: str) -> None:
    with pytest.raises(ValidationError):
        Join(table="images", on=on)
