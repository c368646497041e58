"""Who meets whom, who stays, and what is said of it; on texts, against every pair compared with every other."""

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.pipelines.dedup.deduplicate import RoundResult, compared_modalities, deduplicate, rounds
from triptych.pipelines.dedup.report import report
from triptych.pipelines.dedup.text.exact import text_keys
from triptych.pipelines.dedup.text.minhash import MinHash
from triptych.pipelines.engines.partition import Partition, load
from triptych.pipelines.engines.serial import Serial
from triptych.schemas.config.dedup import NearText, TextDedup
from triptych.schemas.config.run import RunConfig
from triptych.schemas.dataset.duplicates import DUPLICATES

from .conftest import Rows

Raw = Callable[..., list[Partition]]
NEAR = {"threshold": 0.6, "permutations": 64}


def find_duplicates(
    engine: Serial, run: RunConfig, parts: Mapping[str, Sequence[Partition]]
) -> tuple[dict[str, list[Partition]], list[RoundResult]]:
    left, results = {name: list(some) for name, some in parts.items()}, []
    for turn in rounds(run.sources, run.dedup):
        for this, sources in turn.items():
            steps = deduplicate(engine.store, this, sources, left, run.dedup, run.limits)
            found = engine.run([steps.duplicates, *steps.left.values()])
            left |= {name: [part for part in found[step] if part.rows] for name, step in steps.left.items()}
            results.append(steps.result(found))
    return left, results


def config(kind: str = "text", sources: dict[str, dict[str, Any]] | None = None, **dedup: Any) -> RunConfig:
    columns = {"text": "text"} | {name: name for name in ("image", "audio") if name in kind}
    listed = [
        {"name": name, "kind": "parquet", "path": name, **columns, **more}
        for name, more in (sources or {"a": {}}).items()
    ]
    return RunConfig.model_validate({"name": "run", "out": "out", "sources": listed, "dedup": dedup})


def left(engine: Serial, parts: list[Partition]) -> list[str]:
    return [text for part in parts for text in load(engine.store, part)["text"].to_pylist()]


def edited(text: str, draw: random.Random, words: int) -> str:
    parts = text.split()
    for at in draw.sample(range(len(parts)), words):
        parts[at] = f"new{draw.random()}"
    return " ".join(parts)


def corpus(count: int, seed: int) -> list[str]:
    """Texts of which many are copies of others, some to the letter, some edited a little, some a lot."""
    draw = random.Random(seed)
    texts = [" ".join(f"w{draw.randrange(500)}" for _ in range(60)) for _ in range(count)]
    for _ in range(count):
        texts.append(edited(draw.choice(texts), draw, draw.choice([0, 0, 1, 1, 2, 3, 8])))
    draw.shuffle(texts)
    return texts


def slow(texts: list[str], ids: list[bytes]) -> set[int]:
    """The rows that stay when every pair that shares a key is compared."""
    near = MinHash(NearText(**NEAR))
    values = pa.chunked_array([texts])
    exact = text_keys(values, TextDedup()).to_pylist()
    signatures = near.sign(values)
    keyed = near.keys(signatures)
    bands = [set(keyed.key[keyed.owner == row].tolist()) for row in range(len(texts))]
    label = list(range(len(texts)))
    pairs = [(i, j) for i, j in combinations(range(len(texts)), 2) if bands[i] & bands[j]]
    alike = near.alike(signatures.take([i for i, _ in pairs]), signatures.take([j for _, j in pairs]))
    edges = [pair for pair, same in zip(pairs, alike, strict=True) if same]
    edges += [(i, j) for i, j in combinations(range(len(texts)), 2) if exact[i] == exact[j]]
    for left_row, right_row in edges:
        old, new = label[right_row], label[left_row]
        label = [new if value == old else value for value in label]
    rank = sorted(range(len(texts)), key=lambda row: (-len(texts[row].encode()), ids[row]))
    first: dict[int, int] = {}
    for row in rank:
        first.setdefault(label[row], row)
    return set(first.values())


@pytest.mark.parametrize("bucket_bytes", [1 << 26, 3000], ids=["one bucket", "many buckets"])
def test_what_stays_is_what_a_comparison_of_all_pairs_leaves(
    engine: Serial, raw: Raw, bucket_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.pipelines.dedup.deduplicate.BUCKET_BYTES", bucket_bytes)
    texts = corpus(60, seed=3)
    parts = raw("a", "text", [{"text": text} for text in texts])
    ids = [value for part in parts for value in load(engine.store, part)["id"].to_pylist()]
    kept, _ = find_duplicates(engine, config(text={"near": NEAR}), {"a": parts})
    found = {value for part in kept["a"] for value in load(engine.store, part)["id"].to_pylist()}
    expected = {ids[row] for row in slow(texts, ids)}
    assert found == expected
    assert 40 < len(found) < 110


def test_the_survivor_is_of_the_highest_priority_then_the_largest_then_of_the_least_id(
    engine: Serial, raw: Raw
) -> None:
    rows = {"a": ["One  two", "x", "x", "only a"], "b": ["one two", "y"], "c": ["ONE TWO", "x"]}
    parts = {name: raw(name, "text", [{"text": text} for text in texts], cut=2) for name, texts in rows.items()}
    run = config(sources={"a": {}, "b": {}, "c": {"priority": 1}}, text={})
    kept, judged = find_duplicates(engine, run, parts)
    assert {name: left(engine, kept[name]) for name in rows} == {"a": ["only a"], "b": ["y"], "c": ["ONE TWO", "x"]}
    kept, _ = find_duplicates(engine, config(sources={"a": {}, "b": {}, "c": {}}, text={}), parts)
    assert "One  two" in left(engine, kept["a"])  # the longest
    ids = {
        name: dict(
            zip(
                [value for part in parts[name] for value in load(engine.store, part)["id"].to_pylist()],
                rows[name],
                strict=True,
            )
        )
        for name in rows
    }
    least = min(value for name in ("a", "c") for value, text in ids[name].items() if text == "x")
    stays = [name for name in ("a", "c") if "x" in left(engine, kept[name])]
    assert stays == [name for name in ("a", "c") if least in ids[name]]
    (reports, data) = report(engine, judged, run.dedup, run.limits)
    (only,) = reports
    assert only.rows == 8
    assert only.dropped == {"exact_duplicate": 4}
    assert only.within == {}
    assert only.across == {"a": {"c": 3}, "b": {"c": 1}}
    assert only.sizes == {3: 2}
    clusters = pq.read_table(pa.BufferReader(data))
    assert clusters.schema == DUPLICATES
    assert [line["source"] for line in clusters.to_pylist() if line["reason"] is None] == ["c", "c"]


def test_dropped_rows_say_of_which_row_they_are_a_duplicate(engine: Serial, raw: Raw) -> None:
    parts = raw("a", "text", [{"text": text} for text in ("same thing", "other", "same thing!?")])
    find_duplicates(engine, config(text={"near": {"threshold": 0.9}}), {"a": parts})
    assert [tally.dropped for tally in engine.journal.tallies if tally.stage == "dedup-text"] == [{"near_duplicate": 1}]


def pairs(*rows: tuple[str, str]) -> Rows:
    """Captions with pictures that are told apart by their bytes alone."""
    return [{"text": text, "image": PICTURES[picture]} for text, picture in rows]


PICTURES: dict[str, bytes] = {}


@pytest.fixture(autouse=True)
def pictures(makers: Any) -> None:
    PICTURES.update({name: makers.picture(number) for number, name in enumerate("pqr")})


@pytest.mark.parametrize(
    ("how", "rounds"), [("media", ["picture"]), ("text", ["text"]), ("both", ["pair"]), ("either", ["picture", "text"])]
)
def test_pairs_are_compared_in_the_modalities_that_are_named(
    engine: Serial, raw: Raw, how: str, rounds: list[str]
) -> None:
    rows = [("one", "p"), ("two", "p"), ("one", "q"), ("two", "q"), ("ten", "q"), ("one", "p"), ("two", "r")]
    parts = raw("a", "image-text", pairs(*rows), cut=2)
    ids = [value for part in parts for value in load(engine.store, part)["id"].to_pylist()]
    kept, _ = find_duplicates(engine, config("image-text", text={}, image={}, pairs=how), {"a": parts})
    found = {value for part in kept["a"] for value in load(engine.store, part)["id"].to_pylist()}
    stays = sorted(zip(ids, rows, strict=True), reverse=True)  # pictures are of one size: the least id stays
    for judged in rounds:
        best = {{"picture": row[1], "text": row[0], "pair": row}[judged]: (value, row) for value, row in stays}
        stays = sorted(best.values(), reverse=True)
    assert found == {value for value, _ in stays}


def test_compared_modalities_of_a_triple_and_of_a_source_with_its_own_pairs() -> None:
    kind = "image-audio-text"
    everything: dict[str, dict[str, Any]] = {"text": {}, "image": {}, "audio": {}}
    names = {
        how: [[m.name for m in modalities] for modalities in compared_modalities(run.sources[0], run.dedup)]
        for how in ("media", "both", "either", "text")
        for run in [config(kind, sources={"a": {"pairs": how}}, **everything)]
    }
    assert names == {
        "media": [["IMAGE", "AUDIO"]],
        "both": [["IMAGE", "AUDIO", "TEXT"]],
        "either": [["IMAGE"], ["AUDIO"], ["TEXT"]],
        "text": [["TEXT"]],
    }
    only = config(kind, image={})
    assert [[m.name for m in modalities] for modalities in compared_modalities(only.sources[0], only.dedup)] == [
        ["IMAGE"]
    ]
    assert compared_modalities(config().sources[0], config().dedup) == []


def test_texts_and_captions_do_not_meet(engine: Serial, raw: Raw) -> None:
    run = config(sources={"a": {}, "b": {"image": "image", "pairs": "text"}}, text={})
    parts = {"a": raw("a", "text", [{"text": "a cat"}]), "b": raw("b", "image-text", pairs(("a cat", "p")))}
    kept, _ = find_duplicates(engine, run, parts)
    assert [len(left(engine, kept[name])) for name in "ab"] == [1, 1]


def test_a_crowd_of_copies_is_one_cluster(engine: Serial, raw: Raw) -> None:
    text = " ".join(f"w{number}" for number in range(40))
    draw = random.Random(1)
    crowd = [edited(text, draw, 1) for _ in range(300)]
    parts = raw("a", "text", [{"text": line} for line in crowd], cut=50)
    run = config(text={"near": {"threshold": 0.5}})
    kept, judged = find_duplicates(engine, run, {"a": parts})
    (only,) = report(engine, judged, run.dedup, run.limits)[0]
    assert len(left(engine, kept["a"])) == 1
    assert only.sizes == {300: 1}
    assert only.largest[0].rows == 300
    assert only.largest[0].examples[0].reason is None
    assert sum(only.dropped.values()) == 299
