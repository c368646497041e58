import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.schemas.dataset.kept import kept_of
from triptych.schemas.dataset.manifest import parse_manifest
from triptych.schemas.errors import Refusal
from triptych.schemas.identity import (
    BLOCK,
    bytes_fingerprint,
    canonical_json,
    file_fingerprint,
    fingerprint,
    parse_json,
    stream_fingerprint,
    unseal,
)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def turned(value: Any) -> Any:
    """The same value with every dict in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


@given(values.filter(lambda value: "\\ud8" not in json.dumps(value)))
def test_json_is_one_spelling_of_a_value(value: Any) -> None:
    try:
        data = canonical_json(value)
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8, and no spelling
        return
    assert json.loads(data) == value
    assert canonical_json(turned(value)) == data
    assert canonical_json(json.loads(data)) == data


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": -float("inf")}])
def test_json_refuses_what_is_no_json(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(value)


def test_fingerprints_differ_by_value_and_by_grouping() -> None:
    cases = [(), (1,), ("1",), (1, 2), ([1, 2],), ([1], 2), (None,), (True,), ({},), ({"a": 1},), ({"a": "1"},)]
    assert len({fingerprint(*case) for case in cases}) == len(cases)
    # written into datasets: a change of it makes every dataset a stranger
    assert fingerprint("triptych", 1) == "0908682c450a9e8e38f0599c9e326fa3"


@given(st.lists(st.binary(max_size=50), max_size=6))
def test_bytes_count_and_not_their_blocks(blocks: list[bytes]) -> None:
    whole = b"".join(blocks)
    assert bytes_fingerprint(blocks) == bytes_fingerprint([whole]) == stream_fingerprint(io.BytesIO(whole))


def test_a_file_is_its_bytes(tmp_path: Any) -> None:
    data = b"x" * (BLOCK + 7)
    (tmp_path / "a").write_bytes(data)
    assert file_fingerprint(str(tmp_path / "a")) == bytes_fingerprint([data])


def test_json_that_is_nested_too_deeply_is_no_json() -> None:
    for text in ("[" * 200_000, '{"a":' * 200_000, b"[" * 200_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            parse_json(text)
    with pytest.raises(ValueError, match="nested too deeply"):
        unseal(b"[" * 200_000)
    with pytest.raises(Refusal, match="not a manifest"):
        parse_manifest(b"[" * 200_000, "here")
    assert kept_of({"kept": "[" * 200_000}) == kept_of({"kept": "[1]"}) == kept_of({"kept": "}"}) == {}
