"""A run with `limit`: the same on every engine, part of the identity, and no threat to a whole dataset."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.config.load import check
from triptych.schemas.config.run import RunConfig
from triptych.schemas.errors import Refusal

Tree = dict[str, Any]


def limited(tree: Tree, limit: int | None) -> Tree:
    return tree | {"sources": [source | {"limit": limit} for source in tree["sources"]]}


def rows_read(manifest: Any) -> int:
    return int(sum(tally.rows_in for tally in manifest.ledger if tally.stage == "read"))


def test_a_limited_run_gives_the_same_bytes_on_every_engine(
    text_tree: Callable[..., Tree],
    prepared: Callable[[Tree], Any],
    contents: Callable[[Path], dict[str, bytes]],
    quick_workers: None,
    tmp_path: Path,
) -> None:
    found = []
    for kind, options in (("serial", {}), ("dask", {"workers": 2}), ("beam", {})):
        out = tmp_path / kind
        tree = text_tree(out, engine={"kind": kind, **options})
        assert rows_read(prepared(limited(tree, 57))) == 57
        found.append(contents(out))
    assert found[0] == found[1] == found[2]


def test_the_limit_is_part_of_the_identity_and_none_is_not(text_tree: Callable[..., Tree]) -> None:
    prints = [check(RunConfig, tree, "t").fingerprint for tree in (limited(text_tree("o"), n) for n in (None, 5, 6))]
    assert len(set(prints)) == 3
    assert prints[0] == check(RunConfig, text_tree("o"), "t").fingerprint


def test_a_try_is_followed_by_the_whole_but_never_replaces_it(
    text_tree: Callable[..., Tree],
    prepared: Callable[[Tree], Any],
    contents: Callable[[Path], dict[str, bytes]],
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    tree = text_tree(out)
    for limit in (30, 70, None):
        manifest = prepared(limited(tree, limit))
    alone = prepared(text_tree(tmp_path / "alone"))
    assert manifest.fingerprint == alone.fingerprint
    whole = contents(out)
    with pytest.raises(Refusal, match=r"finished dataset of all rows of source `docs`.*out-limit-30") as refusal:
        prepared(limited(tree, 30))
    assert refusal.value.exit_code == 2
    assert contents(out) == whole
    # a longer try is no threat to a shorter one, the reverse is
    shutil.rmtree(out)
    prepared(limited(tree, 30))
    with pytest.raises(Refusal, match="the first 30 rows"):
        prepared(limited(tree, 29))
    assert prepared(limited(tree, 30)).config["sources"][0]["limit"] == 30


def test_whole_units_of_a_try_are_not_read_again(
    text_tree: Callable[..., Tree], prepared: Callable[[Tree], Any], tmp_path: Path
) -> None:
    prepared(limited(text_tree(tmp_path / "out"), 57))
    prepared(text_tree(tmp_path / "out"))
    steps = {step["step"]: step for step in json.loads((tmp_path / "out/run.json").read_text())["steps"]}
    assert (steps["read"]["partitions"], steps["read"]["reused"]) == (3, 1)
