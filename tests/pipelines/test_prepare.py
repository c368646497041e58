"""From three corpora to a dataset: everything that was put in is there, or in the ledger."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triptych.pipelines.inspection.show import show_row
from triptych.pipelines.inspection.stats import stats
from triptych.pipelines.inspection.verify import verify
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.vocabulary import Kind, Modality


def test_verify_finds_nothing(made: Path) -> None:
    _, findings = verify(str(made))
    assert findings == []


def test_every_row_of_every_source_is_there(made: Path) -> None:
    facts = stats(Dataset(str(made)).manifest)
    assert {name: source["samples"] for name, source in facts["sources"].items()} == {
        "docs": 120,
        "stamps": 24,
        "prompts": 18,
    }
    assert facts["segments"] == {"text": facts["sources"]["docs"]["segments"], "image-text": 24, "audio-text": 18}
    assert facts["sources"]["docs"]["segments"] > 120
    assert facts["tokens"]["image"] == 24 * 16
    assert all(sum(line["dropped"].values()) == 0 for line in facts["ledger"])


def test_stats_have_the_promised_shape(made: Path) -> None:
    facts = json.loads(json.dumps(stats(Dataset(str(made)).manifest)))
    promised = {"rows", "row_length", "fill", "tokens", "segments", "sources", "codebooks", "ledger", "fingerprint"}
    assert promised <= set(facts)
    assert facts["row_length"] == 512
    assert set(facts["tokens"]) == {"text", "image", "audio"}
    assert set(facts["codebooks"]) == {"text", "image", "audio0", "audio1", "audio2", "audio3"}
    assert len(facts["fingerprint"]) == 32
    stages = {"docs": ["read", "normalise", "text"], "stamps": ["read", "normalise", "image", "text"]}
    stages |= {"prompts": ["read", "normalise", "audio", "text"]}
    expected = [(source, stage) for source, names in stages.items() for stage in [*names, "pack"]]
    assert [(line["source"], line["stage"]) for line in facts["ledger"]] == expected
    for line in facts["ledger"]:
        assert {"stage", "source", "rows_in", "kept", "dropped"} <= set(line)
        assert line["rows_in"] == line["kept"] + sum(line["dropped"].values())
    for group in facts["groups"].values():
        assert group["fill"] <= group["fill_bound"] <= 1


def test_fill_is_what_the_rows_say(made: Path) -> None:
    dataset = Dataset(str(made))
    facts = stats(dataset.manifest)
    filled = sum(int((dataset.row(i).segment > 0).sum()) for i in range(dataset.rows))
    assert facts["fill"] == pytest.approx(filled / (dataset.rows * 512), abs=1e-6)


def test_the_code_counts_are_those_of_the_tokens(made: Path) -> None:
    dataset = Dataset(str(made))
    tokens = np.concatenate([dataset.row(i).tokens for i in range(dataset.rows)])
    for block in dataset.manifest.vocabulary.slices[1:]:
        name = block.modality.name.lower() + (str(block.codebook) if block.modality is Modality.AUDIO else "")
        use = dataset.manifest.codebooks[name]
        used = np.unique(tokens[(tokens >= block.start) & (tokens < block.stop)]).size
        assert (use.size, use.used, use.dead) == (block.stop - block.start, used, block.stop - block.start - used)


def test_every_modality_comes_back(made: Path, makers: Any) -> None:
    import soundfile
    from PIL import Image

    dataset = Dataset(str(made))
    texts: dict[tuple[str, int], list[tuple[int, str]]] = {}
    kinds = set()
    for index in range(dataset.rows):
        for shown in show_row(dataset, index):
            kinds.add(shown.kind)
            origin = shown.segment["file"], shown.segment["row"]
            texts.setdefault(origin, []).append((shown.segment["offset"], shown.text or ""))
            if shown.kind is Kind.IMAGE_TEXT:
                assert Image.open(io.BytesIO(shown.files["png"])).size == (16, 16)
                number = 50 * int(shown.segment["file"][0]) + shown.segment["row"]
                assert shown.text == makers.words(number, 5)
            if shown.kind is Kind.AUDIO_TEXT:
                wave, rate = soundfile.read(io.BytesIO(shown.files["wav"]))
                assert rate == 16000
                assert len(wave) / rate == pytest.approx(0.3 + 0.05 * shown.segment["row"], abs=0.03)
                assert shown.text == makers.words(7 * shown.segment["row"], 4)
    assert kinds == {Kind.TEXT, Kind.IMAGE_TEXT, Kind.AUDIO_TEXT}
    for part in range(3):
        for row in range(40):
            pieces = sorted(texts[f"{part}.jsonl.gz", row])
            whole = makers.words(1000 * part + row, 900 if row % 10 == 0 else 8 + row)
            # a cut may fall within a character; then its two halves are shown as replacements
            if len(pieces) == 1:
                assert pieces[0][1] == whole
            else:
                assert abs(len("".join(text for _, text in pieces)) - len(whole)) <= 2 * len(pieces)
                assert whole.startswith(pieces[0][1][:-2])


def test_a_cut_text_comes_back_from_its_ids(made: Path, makers: Any) -> None:
    from triptych.pipelines.inspection.show import Decoder
    from triptych.schemas.dataset.layout import codes_of_span

    dataset = Dataset(str(made))
    ids: dict[tuple[str, int], list[tuple[int, list[int]]]] = {}
    for index in range(dataset.rows):
        row = dataset.row(index)
        for span in row.spans:
            segment = row.segments[span["segment"] - 1]
            if segment["kind"] == Kind.TEXT.code:
                piece = row.tokens[span["start"] : span["start"] + span["length"]].tolist()
                ids.setdefault((segment["file"], segment["row"]), []).append((segment["offset"], piece))
    tokenizer = Decoder(dataset).bundle.text
    for (file, number), pieces in ids.items():
        whole = [token for _, piece in sorted(pieces) for token in piece]
        text = tokenizer.decode(codes_of_span(whole, Modality.TEXT, dataset.manifest.vocabulary))
        assert text == makers.words(1000 * int(file[0]) + number, 900 if number % 10 == 0 else 8 + number)


def test_given_tokenizers_make_the_same_dataset_as_those_that_were_trained(
    made: Path, tree: Callable[..., Any], prepared: Callable[[Any], Any], tmp_path: Path
) -> None:
    manifest = prepared(tree(tmp_path / "out"))
    trained = Dataset(str(made)).manifest
    assert manifest.vocabulary_fingerprint == trained.vocabulary_fingerprint
    assert [entry.xxh3 for entry in manifest.shards] == [entry.xxh3 for entry in trained.shards]


@pytest.mark.parametrize(("group_by", "groups"), [("source", {"a", "b"}), ("none", {"mixed"}), ("modality", {"text"})])
def test_rows_mix_only_what_the_group_allows(
    tree: Callable[..., Any],
    prepared: Callable[[Any], Any],
    sources: list[Any],
    tmp_path: Path,
    group_by: str,
    groups: set[str],
) -> None:
    both = [sources[0] | {"name": "a"}, sources[0] | {"name": "b"}]
    run = tree(tmp_path / "out", sources=both, pack={"group_by": group_by, "shard_bytes": 40_000}, row_length=256)
    manifest = prepared(run)
    assert {entry.group for entry in manifest.shards} == groups
    assert len(manifest.shards) > len(groups)
    dataset = Dataset(str(tmp_path / "out"))
    mixed = 0
    start = 0
    for entry in manifest.shards:
        for index in range(start, start + entry.rows):
            named = {segment["source"] for segment in dataset.row(index).segments}
            mixed += len(named) > 1
            assert group_by != "source" or named == {entry.group}
        start += entry.rows
    assert (mixed > 0) is (group_by != "source")
    ids = [s["id"] for i in range(dataset.rows) for s in dataset.row(i).segments if s["offset"] == 0]
    assert len(ids) == len(set(ids)) == 240
    assert verify(str(tmp_path / "out"))[1] == []


def test_it_works_in_a_store_that_is_no_disk(
    made: Path, tree: Callable[..., Any], prepared: Callable[[Any], Any]
) -> None:
    manifest = prepared(tree("memory://a/dataset"))
    assert [entry.xxh3 for entry in manifest.shards] == [entry.xxh3 for entry in Dataset(str(made)).manifest.shards]
    dataset, findings = verify("memory://a/dataset")
    assert findings == []
    kinds = {shown.kind for index in range(dataset.rows) for shown in list(show_row(dataset, index))[:1]}
    assert kinds == {Kind.TEXT, Kind.IMAGE_TEXT, Kind.AUDIO_TEXT}
    assert prepared(tree("memory://a/dataset")) == manifest
