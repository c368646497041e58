import json
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.dataset.manifest import Manifest, parse_manifest
from triptych.schemas.errors import Refusal


@pytest.fixture(scope="module")
def data(made: Path) -> bytes:
    return (made / "manifest.json").read_bytes()


@pytest.fixture(scope="module")
def manifest(data: bytes) -> Manifest:
    return parse_manifest(data, "here")


def test_round_trip_is_exact(data: bytes, manifest: Manifest) -> None:
    assert manifest.to_bytes() == data
    assert parse_manifest(manifest.to_bytes(), "here") == manifest
    assert manifest.sealed() == manifest


# Where inputs and tokenizers lay and with what libraries the dataset was made: its content says the rest.
CIRCUMSTANCES = {"config", "tokenizers", "environment", "fingerprint"}
# These follow from the number of shards.
DERIVED = {"version", "shard_list"}


@pytest.mark.parametrize("field", sorted(set(Manifest.model_fields) - DERIVED))
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_the_fingerprint_follows_the_content_alone(manifest: Manifest, field: str) -> None:
    value: Any = getattr(manifest, field)
    other: Any = {}
    if isinstance(value, str):
        other = value + "x"
    elif isinstance(value, int):
        other = value + 1
    elif isinstance(value, tuple):
        other = value[:-1] if value else ("x",)
    elif isinstance(value, dict):
        other = dict(list(value.items())[:-1])
    elif field == "vocabulary":
        other = value.model_copy(update={"text": value.text + 1})
    elif field == "dropped":
        other = value.model_copy(update={"bytes": value.bytes + 1})
    elif field == "statistics":
        other = value.model_copy(update={"filled": value.filled + 1})
    assert other != value
    changed = manifest.model_copy(update={field: other}).sealed()
    assert (changed.fingerprint == manifest.fingerprint) is (field in CIRCUMSTANCES)


def test_nothing_of_time_machine_or_place_is_in_it(data: bytes, made: Path) -> None:
    body = json.loads(data)
    assert str(made) not in data.decode()
    assert not {"out", "engine"} & set(body["config"])


def resealed(data: bytes, change: Any) -> bytes:
    """The manifest after `change` to its tree, with a seal that fits again."""
    body = json.loads(data)
    change(body)
    body.pop("seal")
    from triptych.schemas.identity import fingerprint

    return json.dumps(body | {"seal": fingerprint(body)}, sort_keys=True, indent=1, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda body: body.update(version=1), "version 2"),
        (lambda body: body.update(extra=1), "version 2"),
        (lambda body: body.pop("ledger"), "version 2"),
        (lambda body: body.update(row_length=body["row_length"] + 1), "its fingerprint does not match its content"),
        (lambda body: body.update(fingerprint="0" * 32), "its fingerprint does not match its content"),
    ],
)
def test_a_manifest_that_was_edited_and_sealed_again_is_refused(data: bytes, change: Any, word: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_manifest(resealed(data, change), "here/manifest.json")
    assert "here/manifest.json" in str(caught.value)
    assert word in str(caught.value)
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"null", b"\xff", b'{"seal": 1}'])
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(Refusal, match=r"here: not a manifest of version 2"):
        parse_manifest(data, "here")


def test_another_spelling_of_the_same_json_is_refused(data: bytes) -> None:
    with pytest.raises(Refusal, match="changed after it was written"):
        parse_manifest(json.dumps(json.loads(data)).encode(), "here")
