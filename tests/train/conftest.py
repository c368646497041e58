"""Prepared datasets of random codes, packed by the pipeline's own functions: all kinds and many shards, no training."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from triptych.pipelines.pack.best_fit import best_fit_decreasing
from triptych.pipelines.pack.matrices import fill, place, segment_lists, span_lists
from triptych.pipelines.pack.segments import code_tokens, split_samples
from triptych.pipelines.pack.write import shard_batch, write_shard
from triptych.schemas.config.mix import MixFile
from triptych.schemas.dataset.decontamination import BenchmarkReport
from triptych.schemas.dataset.file_entry import FileEntry, ShardEntry
from triptych.schemas.dataset.layout import sample_table
from triptych.schemas.dataset.manifest import MANIFEST, Manifest
from triptych.schemas.dataset.packed_row import row_schema
from triptych.schemas.dataset.shard_list import ShardList
from triptych.schemas.dataset.statistics import SourceStatistics, Statistics, merge_statistics
from triptych.schemas.storage.store import Store
from triptych.schemas.vocabulary import Kind, Modality, Vocabulary
from triptych.train.data.plan import Plan, make_plan
from triptych.train.data.shard_cache import ShardCache
from triptych.train.data.shards import Shards

from .small_runs import command, tree

VOCABULARY = Vocabulary(text=300, image=64, audio=(16, 16))
SOURCES = {"docs": Kind.TEXT, "wiki": Kind.TEXT, "stamps": Kind.IMAGE_TEXT, "prompts": Kind.AUDIO_TEXT}
NOTHING = FileEntry(file="none.parquet", bytes=0, xxh3="0" * 32)


def samples_of(name: str, kind: Kind, count: int, seed: int) -> pa.Table:
    """Samples with random codes; every ninth text is longer than a row of 128."""
    draw = np.random.default_rng([seed, *name.encode()])

    def codes(modality: Modality) -> list[list[int] | None]:
        if modality not in kind.modalities:
            return [None] * count
        if modality is Modality.IMAGE:
            pictures: list[list[int] | None] = draw.integers(0, VOCABULARY.image, (count, 16)).tolist()
            return pictures
        if modality is Modality.AUDIO:
            return [draw.integers(0, 16, 2 * length).tolist() for length in draw.integers(4, 20, count)]
        lengths = [300 if kind is Kind.TEXT and i % 9 == 0 else int(draw.integers(3, 40)) for i in range(count)]
        return [draw.integers(0, VOCABULARY.text, length).tolist() for length in lengths]

    every = {modality: codes(modality) for modality in (Modality.TEXT, Modality.IMAGE, Modality.AUDIO)}
    sizes = {"text": VOCABULARY.text, "image": VOCABULARY.image, "audio": 16}
    table = sample_table([kind] * count, every, sizes, [draw.bytes(16) for _ in range(count)])
    at = table.schema.get_field_index("source")
    return table.set_column(at, table.schema.field(at), pa.array([name] * count, table.schema.field(at).type))


def write_part(
    store: Store, group: str, samples: pa.Table, row_length: int, vocabulary: Vocabulary = VOCABULARY
) -> tuple[ShardEntry, Statistics]:
    """Pack samples into one shard."""
    samples = samples.combine_chunks()
    segments = split_samples(samples, row_length)
    row, start, rows = best_fit_decreasing(segments.length, row_length)
    placed = place(segments, row, start, rows)
    matrices, spans = fill(samples, placed, vocabulary, row_length)
    schema = row_schema(vocabulary, row_length, {"group": group})
    table = segment_lists(samples, placed, segments.length)
    batch = shard_batch(schema, matrices, table, span_lists(spans, placed))
    sources = {}
    names = np.array(samples["source"].to_pylist())
    for name in sorted(set(names.tolist())):
        mine = names == name
        lengths = Counter(segments.length[mine[segments.sample]].tolist())
        counts = {m.name.lower(): int(code_tokens(samples, m)[mine].sum()) for m in list(Modality)[1:]}
        sources[name] = SourceStatistics(
            kind=SOURCES[name],
            samples=int(mine.sum()),
            segments=lengths.total(),
            tokens={modality: count for modality, count in counts.items() if count},
            lengths=dict(lengths),
        )
    tokens = sum((Counter(source.tokens) for source in sources.values()), Counter())
    entry = write_shard(store, batch, group, tokens)
    return entry, Statistics(rows=rows, filled=int(segments.length.sum()), sources=sources)


def write_dataset(
    folder: Path,
    *,
    counts: dict[str, int],
    row_length: int = 128,
    shards: int = 3,
    group_by: str = "modality",
    seed: int = 0,
    vocabulary: Vocabulary = VOCABULARY,
    decontamination: tuple[BenchmarkReport, ...] = (),
) -> Path:
    """A dataset of so many samples of each source, in so many shards a group."""
    folder.mkdir(parents=True)
    store = Store(str(folder))
    groups: dict[str, list[pa.Table]] = {}
    for name, count in counts.items():
        group = {"modality": str(SOURCES[name]), "source": name, "none": "mixed"}[group_by]
        groups.setdefault(group, []).append(samples_of(name, SOURCES[name], count, seed))
    written = []
    for group, tables in groups.items():
        table = pa.concat_tables(tables)
        dealt = np.array([identity[0] % shards for identity in table["id"].to_pylist()])
        parts = [table.filter(pa.array(dealt == number)) for number in range(shards)]
        written += [write_part(store, group, part, row_length, vocabulary) for part in parts if part.num_rows]
    manifest = Manifest(
        name=folder.name,
        config={"pack": {"group_by": group_by}, "tokenizers": {}},
        run="",
        inputs={},
        vocabulary=vocabulary,
        vocabulary_fingerprint=vocabulary.fingerprint,
        tokenizers={},
        row_length=row_length,
        shards=ShardList.of(entry for entry, _ in written),
        dropped=NOTHING,
        duplicates=NOTHING,
        dedup=(),
        decontamination=decontamination,
        ledger=(),
        statistics=merge_statistics(statistics for _, statistics in written),
        codebooks={},
        environment={},
    ).sealed()
    (folder / MANIFEST).write_bytes(manifest.to_bytes())
    return folder


class Workshop:
    """Makes datasets, mixes and plans."""

    write = staticmethod(write_dataset)
    vocabulary = VOCABULARY

    @staticmethod
    def plan(*entries: dict[str, Any], batch_tokens: int = 1024, **settings: Any) -> Plan:
        """The plan of a mix of these entries."""
        mix = MixFile.model_validate({"datasets": entries, "batch_tokens": batch_tokens})
        return make_plan(mix, **({"seed": 0} | settings))

    @staticmethod
    def shards(plan: Plan, folder: Path = Path("unused")) -> Shards:
        """Its shards."""
        return Shards(plan, ShardCache(folder, 0))


@pytest.fixture(scope="session")
def workshop() -> type[Workshop]:
    return Workshop


@pytest.fixture(scope="session")
def dataset(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """Three kinds, four sources, three shards each; not to be written to."""
    counts = {"docs": 200, "wiki": 100, "stamps": 90, "prompts": 120}

    def fill(folder: Path) -> None:
        write_dataset(folder / "out", counts=counts)

    return once("mixed", fill) / "out"


@pytest.fixture(scope="session")
def undisturbed(dataset: Path, once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A run that nobody kills, by one thread."""

    def fill(folder: Path) -> None:
        command(tree(dataset, folder / "run"))

    return once("trained", fill) / "run"
