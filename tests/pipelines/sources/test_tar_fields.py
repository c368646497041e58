"""Values of a sample's fields, from members and from keys of the .json member."""

import pytest

from triptych.pipelines.sources.batches import BadRow
from triptych.pipelines.sources.tar_fields import Members, field_name, json_object, license_value, text_value

MEMBERS: Members = {"txt": b"\xef\xbb\xbfa", "bad": b"\xff", "json": b'{"cap": null, "Cap": "b", "list": ["c", "d"]}'}


@pytest.mark.parametrize(
    ("names", "value"),
    [(["txt", "Cap"], "a"), (["cap", "json.Cap"], "b"), ([".TXT"], "a"), (["none", "cap", "txt"], "a")],
)
def test_the_first_name_that_has_a_text(names: list[str], value: str) -> None:
    assert text_value(MEMBERS, tuple(map(field_name, names)), None) == value


def test_bad_texts_have_a_reason_and_bad_licences_none() -> None:
    bad, none = (field_name("bad"),), (field_name("cap"),)
    with pytest.raises(BadRow, match="utf8_invalid"):
        text_value(MEMBERS, bad, None)
    with pytest.raises(BadRow, match="text_missing"):
        text_value(MEMBERS, none, None)
    assert license_value(MEMBERS, bad) == "\\xff"
    assert license_value(MEMBERS, none) is None
    assert json_object({"json": b"{broken"}, none) == {}
    assert text_value(MEMBERS, (field_name("list"),), "each") == ("c", "d")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_texts_of_every_kind_of_member_may_have_a_byte_order_mark(encoding: str) -> None:
    members: Members = {"txt": "é".encode(encoding), "json": '{"cap": "ü", "terms": "MIT"}'.encode(encoding)}
    assert text_value(members, (field_name("txt"),), None) == "é"
    assert text_value(members, (field_name("cap"),), None) == "ü"
    assert license_value(members, (field_name("txt"),)) == "é"
    assert license_value(members, (field_name("terms"),)) == "MIT"
    assert json_object(members, (field_name("cap"),))["cap"] == "ü"


def test_damaged_utf_16_is_a_bad_row() -> None:
    members: Members = {"txt": b"\xff\xfea", "json": b"\xff\xfe{"}
    for name in ("txt", "cap"):
        with pytest.raises(BadRow, match="utf8_invalid"):
            text_value(members, (field_name(name),), None)
    assert license_value(members, (field_name("txt"),)) == "\\xff\\xfea"
