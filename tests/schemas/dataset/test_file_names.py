"""Names that a manifest or card may give: those of files below its folder, and no others."""

import json
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.dataset.file_names import checked_name
from triptych.schemas.dataset.manifest import parse_manifest
from triptych.schemas.dataset.tokenizer_card import Card
from triptych.schemas.errors import Refusal
from triptych.schemas.identity import fingerprint, sealed_json

HOSTILE = (
    "/etc/passwd",
    "../x",
    "shards/../../x",
    "shards//x",
    "shards/./x",
    "shards/",
    "",
    "a\\b",
    "a\0b",
    "a\nb",
    "a\u202eb",
    "x" * 2000,
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_leads_elsewhere_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a file below this folder"):
        checked_name(name)


@pytest.mark.parametrize("name", ["a", "shards/text-0.arrow", "tokenizers/text/model.spm", "ä/…", "a..b", "exp:1"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert checked_name(name) == name


def planted(made: Path, change: Any) -> bytes:
    """The manifest of a dataset with a change, sealed as its maker would seal it."""
    body = json.loads((made / "manifest.json").read_bytes())
    del body["seal"]
    change(body)
    body["fingerprint"] = fingerprint(
        "manifest", {k: v for k, v in body.items() if k not in {"config", "tokenizers", "environment", "fingerprint"}}
    )
    return sealed_json(body)


@pytest.mark.parametrize("name", [*HOSTILE[:4], "tokenizers/x.arrow", "manifest.json"])
def test_a_shard_outside_of_its_folder_is_refused(made: Path, name: str) -> None:
    data = planted(made, lambda body: body["shards"][0].update(file=name))
    with pytest.raises(Refusal, match=r"here: not a manifest .*shards"):
        parse_manifest(data, "here")


@pytest.mark.parametrize("group", ["../../x", "a/b", "", "/x"])
def test_a_group_that_is_no_plain_name_is_refused(made: Path, group: str) -> None:
    data = planted(made, lambda body: body["shards"][0].update(group=group))
    with pytest.raises(Refusal, match=r"here: not a manifest .*group"):
        parse_manifest(data, "here")


@pytest.mark.parametrize("name", [*HOSTILE[:4], "shards/x", "/etc/cron.d/planted"])
def test_a_file_of_a_tokenizer_outside_of_its_folder_is_refused(made: Path, name: str) -> None:
    data = planted(made, lambda body: body["tokenizers"]["text"]["files"][0].update(file=name))
    with pytest.raises(Refusal, match=r"here: not a manifest .*tokenizers"):
        parse_manifest(data, "here")


@pytest.mark.parametrize("name", ["../text", "/x"])
def test_a_tokenizer_of_another_name_is_refused(made: Path, name: str) -> None:
    data = planted(made, lambda body: body["tokenizers"].update({name: body["tokenizers"]["text"]}))
    with pytest.raises(Refusal, match=r"here: not a manifest .*tokenizers"):
        parse_manifest(data, "here")


def test_the_files_of_a_card_stay_in_its_folder(made: Path) -> None:
    card = json.loads((made / "manifest.json").read_bytes())["tokenizers"]["text"]["card"]
    assert Card.model_validate(card | {"files": "."}).files == "."
    assert Card.model_validate(card | {"files": None}).files is None
    for name in HOSTILE:
        with pytest.raises(ValueError, match="files"):
            Card.model_validate(card | {"files": name})
