"""A document that is held out of one dataset and trained on in another is counted, and refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from triptych.schemas.config.mix import MixEntry, Mixture
from triptych.schemas.dataset.manifest import MANIFEST, parse_manifest
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal
from triptych.train.data.overlap import Part, count_overlap
from triptych.train.data.plan import make_plan
from triptych.train.data.split import is_held_out, key_words, split_keys

from ..of_before import of_before

SHARE = 0.3


@pytest.fixture
def pair(tmp_path: Path, text_tree: Any, prepared: Any) -> tuple[Path, Path]:
    prepared(text_tree(tmp_path / "new"))
    return tmp_path / "new", of_before(tmp_path / "new", tmp_path / "old")


def part(path: Path) -> Part:
    manifest = Dataset(str(path)).manifest
    return Part(str(path), manifest.fingerprint, tuple(manifest.groups))


def sides(path: Path) -> dict[bytes, bool]:
    """Whether each document is held out, by its id."""
    dataset = Dataset(str(path))
    found: dict[bytes, bool] = {}
    for entry in dataset.manifest.shards:
        segments = dataset.open(entry).batch.column("segments").flatten()
        out = is_held_out(key_words(split_keys(segments)), SHARE)
        found |= dict(zip(segments.field("id").to_pylist(), out.tolist(), strict=True))
    return found


def mixture(*paths: Path, **keys: Any) -> Mixture:
    entries = tuple(MixEntry(path=str(path), weight=1.0) for path in paths)
    return Mixture(datasets=entries, batch_tokens=1024, **keys)


def test_what_is_held_out_of_one_and_trained_on_in_the_other_is_counted(pair: tuple[Path, Path]) -> None:
    new, old = map(sides, pair)
    assert new.keys() == old.keys()
    either = sum(new[each] != old[each] for each in new)
    one = sum(new[each] and not old[each] for each in new)
    assert 0 < one < either < len(new)
    assert count_overlap((part(pair[0]),), (part(pair[1]),), SHARE) == one
    assert count_overlap((part(pair[0]), part(pair[1])), (part(pair[0]), part(pair[1])), SHARE) == either


def test_a_mix_of_both_is_refused_unless_it_is_allowed(pair: tuple[Path, Path]) -> None:
    with pytest.raises(Refusal, match=r"^\d+ documents that are held out of .*also among .*`allow_overlap: true`"):
        make_plan(mixture(*pair), seed=0, validation=SHARE, steps=1)
    plan = make_plan(mixture(*pair, allow_overlap=True), seed=0, validation=SHARE, steps=1)
    assert [line for line in plan.warnings if f"{pair[1]}: an earlier version prepared it" in line]
    assert make_plan(mixture(*pair), seed=0, steps=1).validation == 0


def test_nothing_is_read_where_all_have_a_content(
    tmp_path: Path, text_tree: Any, prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = text_tree(tmp_path / "one")
    prepared(tree)
    tree["sources"][0]["name"] = "other"
    prepared(tree | {"out": str(tmp_path / "two")})
    paths = [tmp_path / "one", tmp_path / "two"]
    plan = make_plan(mixture(*paths), seed=0, validation=SHARE, steps=1)
    assert not [line for line in plan.warnings if "earlier version" in line]
    assert not sides(paths[0]).keys() & sides(paths[1]).keys()
    assert held_texts(paths[0]) == held_texts(paths[1])
    monkeypatch.setattr(Dataset, "open", None)
    assert count_overlap(tuple(map(part, paths)), tuple(map(part, paths)), SHARE) == 0


def test_two_of_before_hold_out_one_document_by_two_ids(tmp_path: Path, text_tree: Any, prepared: Any) -> None:
    tree = text_tree(tmp_path / "one")
    prepared(tree)
    tree["sources"][0]["name"] = "other"
    prepared(tree | {"out": str(tmp_path / "two")})
    old = [of_before(tmp_path / name, tmp_path / f"old-{name}") for name in ("one", "two")]
    parts = tuple(map(part, old))
    either = sum(count_overlap((parts[at],), (parts[1 - at],), SHARE) for at in (0, 1))
    assert count_overlap(parts, parts, SHARE) == either > 0
    assert [count_overlap((one,), (one,), SHARE) for one in parts] == [0, 0]
    with pytest.raises(Refusal, match=rf"^{either} documents that are held out of .*also among"):
        make_plan(mixture(*old), seed=0, validation=SHARE, steps=1)
    assert make_plan(mixture(old[0]), seed=0, validation=SHARE, steps=1).validation == SHARE


def held_texts(path: Path) -> set[bytes]:
    dataset = Dataset(str(path))
    found: set[bytes] = set()
    for entry in dataset.manifest.shards:
        segments = dataset.open(entry).batch.column("segments").flatten()
        out = is_held_out(key_words(split_keys(segments)), SHARE)
        found |= set(segments.field("content").filter(pa.array(np.asarray(out))).to_pylist())
    assert found
    return found


def test_a_manifest_of_before_keeps_its_bytes(pair: tuple[Path, Path]) -> None:
    data = (pair[1] / MANIFEST).read_bytes()
    assert b"row_version" not in data
    assert parse_manifest(data, "it").to_bytes() == data
