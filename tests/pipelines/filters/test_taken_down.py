"""The ids of a takedown: hexadecimal lines or JSON, and nothing else."""

import pytest

from triptych.pipelines.filters.taken_down import parse_ids
from triptych.schemas.errors import Refusal

UNKNOWN = "0" * 32


def test_ids_are_read_from_hexadecimal_and_json() -> None:
    one, two, three = (f"{number:032x}" for number in (10, 11, 12))
    lines = [
        f"{two.upper()}\n",
        "\n",
        f'{{"id": "{one}", "text": "x"}}\n',
        f'"{two}"',
        f'[{{"id": "{three}"}}, "{one}"]',
    ]
    assert parse_ids(lines, "ids") == [one, two, three]


@pytest.mark.parametrize("line", ["abc", '{"text": "x"}', "[]", "12", "{", f'["{UNKNOWN}", 1]'])
def test_a_line_that_is_no_id_is_refused(line: str) -> None:
    with pytest.raises(Refusal, match=r"ids, line 2: .* is not a document id"):
        parse_ids([UNKNOWN, line], "ids")
