"""A mix entry selects whole groups of a dataset, with the tokens and codes that their sources count."""

from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.config.mix import MixEntry
from triptych.schemas.dataset.manifest import Manifest
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal
from triptych.train.data.selection import MixComponent, components_of


def chosen(manifest: Manifest, **keys: Any) -> list[MixComponent]:
    entry = MixEntry.model_validate({"path": "data", "weight": 1.0} | keys)
    return components_of(entry, manifest, number=3, dataset=1)


@pytest.fixture
def manifest(dataset: Path) -> Manifest:
    return Dataset(str(dataset)).manifest


def test_without_conditions_it_selects_every_row(manifest: Manifest) -> None:
    found = chosen(manifest)
    assert {one.group: one.sources for one in found} == {
        "text": ("docs", "wiki"),
        "image-text": ("stamps",),
        "audio-text": ("prompts",),
    }
    assert sum(one.rows for one in found) == manifest.statistics.rows
    assert sum(one.tokens for one in found) == manifest.statistics.filled
    assert sorted(shard.file for one in found for shard in one.shards) == sorted(s.file for s in manifest.shards)
    assert {(one.entry, one.dataset, one.fingerprint) for one in found} == {(3, 1, manifest.fingerprint)}


def test_codes_of_a_group_are_those_of_its_sources_and_shards(manifest: Manifest) -> None:
    counts = manifest.statistics.sources
    (text,) = chosen(manifest, modality="text")
    assert text.codes == {"text": counts["docs"].tokens["text"] + counts["wiki"].tokens["text"]}
    (images,) = chosen(manifest, sources=["stamps"])
    assert images.codes["image"] == 16 * counts["stamps"].samples
    for one in (text, images):
        assert one.rows == sum(shard.rows for shard in manifest.shards if shard.group == one.group)
        assert one.codes == {name: sum(shard.tokens[name] for shard in one.shards) for name in one.codes}


def test_part_of_a_group_is_refused(manifest: Manifest) -> None:
    with pytest.raises(Refusal, match="rows of `text` hold docs and wiki together"):
        chosen(manifest, sources=["wiki", "stamps"])
    found = chosen(manifest, sources=["wiki", "stamps", "docs"])
    assert {one.group for one in found} == {"text", "image-text"}


def test_nothing_and_unknown_sources_are_refused(manifest: Manifest) -> None:
    with pytest.raises(Refusal, match="has no source `birds`"):
        chosen(manifest, sources=["docs", "birds"])
    with pytest.raises(Refusal, match=r"no row matches `modality: image-text` and `sources: \[prompts\]`"):
        chosen(manifest, modality="image-text", sources=["prompts"])
