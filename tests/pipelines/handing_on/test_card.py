"""The cards of a dataset: the figures of its manifest, valid Croissant, and nothing of the data that is executed."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from triptych.pipelines.handing_on.card import write_card
from triptych.pipelines.handing_on.croissant import croissant
from triptych.pipelines.handing_on.markdown_card import markdown_card
from triptych.pipelines.inspection.verify import verify
from triptych.schemas.dataset.manifest import Manifest
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.dataset.statistics import LicenseStatistics
from triptych.schemas.markdown import plain
from triptych.schemas.storage.store import Store


def licensed(manifest: Manifest, **licenses: tuple[int, int]) -> Manifest:
    """The manifest with licences for segments and tokens of its first source."""
    name, source = next(iter(manifest.statistics.sources.items()))
    counts = {each: LicenseStatistics(segments=n, tokens=t) for each, (n, t) in licenses.items()}
    sources = manifest.statistics.sources | {name: source.model_copy(update={"licenses": counts})}
    return manifest.model_copy(update={"statistics": manifest.statistics.model_copy(update={"sources": sources})})


def cells(card: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in card.splitlines() if line[:1] == "|"]


def test_the_markdown_card_has_the_figures_of_the_manifest(made: Path) -> None:
    manifest = Dataset(str(made)).manifest
    card = markdown_card(manifest)
    lines, content = cells(card), cells(card.split("## Content")[1].split("## ")[0])
    for name, source in manifest.statistics.sources.items():
        (line,) = [line for line in content if line[:2] == [name, source.kind]]
        assert line[2:6] == [
            f"{source.samples:,}",
            *(f"{source.tokens.get(m, 0):,}" for m in ("text", "image", "audio")),
        ]
    seconds = manifest.statistics.sources["prompts"].audio_samples / 16000
    assert next(line[-1] for line in content if line[:1] == ["prompts"]) == f"{seconds:.1f} s"
    for tally in manifest.ledger:
        assert any(line[:2] == [tally.source, plain(tally.stage)] and line[-1] == f"{tally.kept:,}" for line in lines)
    assert manifest.fingerprint in card
    assert "No source names a licence" in card
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["pretty_name"] == manifest.name
    assert "license" not in front


def test_licences_are_summed_and_what_has_none_is_counted(made: Path) -> None:
    manifest = Dataset(str(made)).manifest
    segments = sum(source.segments for source in manifest.statistics.sources.values())
    card = markdown_card(licensed(manifest, **{"CC-BY-4.0": (3, 500), "MIT": (2, 100)}))
    lines = {line[0]: line[1:3] for line in cells(card.split("## Licences")[1].split("## ")[0])}
    assert lines["CC-BY-4.0"] == ["3", "500"]
    assert lines["not given"][0] == f"{segments - 5:,}"
    front = yaml.safe_load(card.split("---\n")[1])
    assert (front["license"], front["license_name"]) == ("other", "CC-BY-4.0, MIT")


@pytest.mark.parametrize("bad", ["<script>alert(1)</script>", "a | b", "[x](javascript:alert(1))", "*b*\n# h", "`x`"])
def test_markup_of_the_data_is_shown_and_not_obeyed(made: Path, bad: str) -> None:
    card = markdown_card(licensed(Dataset(str(made)).manifest, **{bad: (1, 10)}))
    body = card.split("---\n", 2)[2]
    assert bad not in body
    assert plain(bad) in body
    assert "<script" not in body
    assert yaml.safe_load(card.split("---\n")[1])["license_name"] == bad


def test_croissant_is_valid_by_mlcroissant(made: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    manifest = licensed(Dataset(str(made)).manifest, **{"https://spdx.org/licenses/MIT.html": (3, 500)})
    (tmp_path / "croissant.json").write_bytes(croissant(manifest))
    with caplog.at_level(logging.WARNING):
        read = mlcroissant.Dataset(tmp_path / "croissant.json")
    metadata = read.metadata
    assert not metadata.ctx.issues.errors
    assert not [record for record in caplog.records if "not standard" in record.getMessage()]
    assert metadata.ctx.is_v1_1()
    assert metadata.name == manifest.name
    assert [field.id for field in metadata.record_sets[0].fields] == ["rows/tokens", "rows/segment", "rows/modality"]


def test_croissant_has_provenance_and_fields_for_responsible_ai(made: Path) -> None:
    manifest = Dataset(str(made)).manifest
    found = json.loads(croissant(manifest))
    assert found["conformsTo"][0].endswith("croissant/1.1")
    derived = {each["prov:label"]: each["identifier"] for each in found["prov:wasDerivedFrom"]}
    assert derived == manifest.inputs
    stages = list(dict.fromkeys(tally.stage for tally in manifest.ledger))
    assert [each["prov:label"] for each in found["prov:wasGeneratedBy"]] == stages
    wanted = {"dataCollection", "dataLimitations", "dataPreprocessingProtocol", "personalSensitiveInformation"}
    assert {f"rai:{name}" for name in wanted} <= set(found)
    dropped = [f"{t.source}: {n:,} rows" for t in manifest.ledger for n in t.dropped.values()]
    assert len(found["rai:dataCollectionMissingData"]) == max(len(dropped), 1)
    (file,) = [each for each in found["distribution"] if each["@type"] == "cr:FileObject"]
    assert file["contentSize"] == f"{(made / 'manifest.json').stat().st_size} B"


def test_a_card_in_the_dataset_leaves_it_sound(copy: Path) -> None:
    write_card(Store(str(copy)), Dataset(str(copy)).manifest)
    assert {"README.md", "croissant.json"} <= {path.name for path in copy.iterdir()}
    assert verify(str(copy))[1] == []


def test_prepare_writes_it_and_no_identity_changes(
    text_tree: Callable[..., Any], prepared: Callable[..., Manifest], tmp_path: Path
) -> None:
    plain_ = prepared(text_tree(tmp_path / "plain"))
    with_card = prepared(text_tree(tmp_path / "card", card=True))
    assert not (tmp_path / "plain/README.md").exists()
    assert with_card.fingerprint == plain_.fingerprint
    assert with_card.run == plain_.run
    assert (tmp_path / "card/README.md").read_text() == markdown_card(with_card)
    assert json.loads((tmp_path / "card/croissant.json").read_text())["identifier"] == with_card.fingerprint
