"""A complete run: read -> normalise -> clean -> tokenize -> pack -> write -> manifest."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from ..schemas.config.run import RunConfig
from ..schemas.config.sources import Source
from ..schemas.dataset.manifest import RUN_REPORT, Manifest
from ..schemas.dataset.packed_row import segment_dtype
from ..schemas.dataset.statistics import Statistics
from ..schemas.dataset.tokenizer_card import vocabulary_of
from ..schemas.identity import sealed_json
from ..schemas.storage.lock import only_run
from ..schemas.storage.store import Store
from ..schemas.vocabulary import Modality, Vocabulary
from .clean import clean, select
from .engines.base import Engine
from .engines.journal import Journal
from .engines.partition import Partition
from .engines.progress_file import ProgressFile
from .engines.registry import open_engine
from .engines.stage import Stage
from .engines.steps import Given, Map, Shuffle, Step
from .handing_on.card import write_card
from .nothing_left import require_rows_left
from .pack.packed import PackedStatistics
from .pack.repack_damaged import delete_damaged
from .pack.shard import PackShard
from .pack.shard_marks import keep_marks
from .pack.windows import in_windows
from .preflight import check_run, require_more_rows
from .publish import publish, run_report
from .sources.base import Unit
from .sources.read import find_units, identify, read_steps
from .tokenize.encode import EncodeAudio, EncodeImages, EncodeText
from .tokenize.ready import ready_tokenizers
from .tokenize.train import ReadyTokenizer
from .workers_fit import check_workers


def prepare(config: RunConfig, journal: Journal, recheck: bool = False) -> Manifest:
    """Prepare a dataset, reusing what earlier runs have committed.

    Args:
        config: The run file.
        journal: Records the progress.
        recheck: Read all inputs and shards, also those that look as they did when an earlier run read them.

    Raises:
        Refusal: The run cannot succeed (mostly raised before any work), or it cannot continue.
    """
    start = time.perf_counter()
    check_run(config)
    units = find_units((*config.sources, *config.decontaminate), config.limits, config.partition_bytes, config.out)
    store = Store(config.out)
    require_more_rows(config, store)
    with only_run(store) as require_alone, _followed(journal, store, config.engine.kind):
        manifest = _make(config, units, store, journal, require_alone, recheck)
        report = run_report(config, journal, time.perf_counter() - start)
        store.write(RUN_REPORT, sealed_json(report))
        if config.card:
            write_card(store, manifest)
    return manifest


@contextmanager
def _followed(journal: Journal, store: Store, engine: str) -> Iterator[None]:
    """Keep the file from which `triptych watch` and `triptych browse` tell how far the run is."""
    file = ProgressFile(store, journal, engine)
    journal.follower = file.update
    try:
        yield
    except BaseException as error:
        file.finish(error)
        raise
    file.finish(None)


def _make(
    config: RunConfig,
    units: Sequence[tuple[Source, Unit]],
    store: Store,
    journal: Journal,
    require_alone: Callable[[], None],
    recheck: bool,
) -> Manifest:
    store.sweep()
    engine = open_engine(config.engine, store, journal)
    engine.ledger_rows = config.limits.ledger_rows
    try:
        check_workers(engine, units)
        inputs = identify(engine, units, config.limits, config.partition_bytes, recheck)
        selected = select(engine, config, read_steps(store, inputs, config.limits, config.partition_bytes))
        rows, cleaned = clean(engine, config, selected)
        require_rows_left(store, config.sources, journal)
        fitted, encoder = ready_tokenizers(engine, rows, config.sources, config.tokenizers, config.seed, config.limits)
        encoded = _encode(engine, config, fitted, encoder.fast, rows)
        require_rows_left(store, config.sources, journal)
        packed, statistics = _pack(engine, config, fitted, encoded, recheck)
        require_rows_left(store, config.sources, journal)
        require_alone()
        return publish(store, config, inputs, cleaned, fitted, encoder, packed, statistics, journal)
    finally:
        engine.close()
        store.sweep()  # temporary files of killed workers


def _encode(
    engine: Engine,
    config: RunConfig,
    fitted: Mapping[Modality, ReadyTokenizer],
    fast: bool,
    rows: Mapping[str, Sequence[Partition]],
) -> dict[str, list[Partition]]:
    """Encode images, then audio, then text, each in its own stage, so that only the affected ones are repeated."""
    text = partial(EncodeText, fast=fast, kept=config.keeps_columns)
    stages: dict[Modality, Callable[..., Stage]] = {
        Modality.IMAGE: EncodeImages,
        Modality.AUDIO: EncodeAudio,
        Modality.TEXT: text,
    }
    sizes = {modality.name.lower(): max(fit.card.sizes) for modality, fit in fitted.items()}
    wanted: list[Step] = []
    encoded: dict[str, Step] = {}
    for source in config.sources:
        step: Step = Given(rows[source.name])
        for modality, stage in stages.items():
            if modality in source.modality.modalities:
                encode = stage(
                    store=engine.store,
                    config=getattr(config.tokenizers, modality.name.lower()),
                    where=fitted[modality].where,
                    fingerprint=fitted[modality].card.fingerprint,
                    sizes=sizes,
                    limits=config.limits,
                    threads=config.threads,
                )
                step = Map(encode, step)
                wanted.append(step)
        encoded[source.name] = step
    found = engine.run(wanted)
    return {name: [part for part in found[step] if part.rows] for name, step in encoded.items()}


def _pack(
    engine: Engine,
    config: RunConfig,
    fitted: Mapping[Modality, ReadyTokenizer],
    encoded: Mapping[str, Sequence[Partition]],
    recheck: bool,
) -> tuple[list[Partition], Statistics]:
    """Pack each window of each group; samples go to shards by id, so that a shard is a random sample of its window."""
    vocabulary = vocabulary_of({modality: fit.card for modality, fit in fitted.items()})
    steps, statistics = list[Map](), PackedStatistics()
    groups = _groups(config.sources, config.pack.group_by, encoded)
    shard_tokens = config.pack.shard_bytes / token_bytes(vocabulary, config.row_length)
    for group, parts in in_windows(groups, shard_tokens):
        shards = shard_count(
            sum(part.note["tokens"] for part in parts), vocabulary, config.row_length, config.pack.shard_bytes
        )
        stage = PackShard(
            store=engine.store,
            vocabulary=vocabulary,
            row_length=config.row_length,
            group=group,
            text=config.tokenizers.text,
            text_where=fitted[Modality.TEXT].where,
            kept=config.keeps_columns,
        )
        steps.append(Map(stage, Shuffle((Given(parts),), "id", shards), notes=statistics))
    delete_damaged(engine, steps, recheck)
    found = engine.run(steps)
    packed = [part for step in steps for part in found[step]]
    keep_marks(engine.store, [(part.pieces[0][0], part.note["shard"]["file"]) for part in packed if part.note["shard"]])
    return packed, statistics.statistics()


def _groups(
    sources: Sequence[Source], group_by: str, encoded: Mapping[str, Sequence[Partition]]
) -> dict[str, list[Partition]]:
    groups: dict[str, list[Partition]] = {}
    for source in sources:
        group = {"modality": str(source.modality), "source": source.name, "none": "mixed"}[group_by]
        groups.setdefault(group, []).extend(encoded[source.name])
    return groups


def shard_count(tokens: int, vocabulary: Vocabulary, row_length: int, shard_bytes: int) -> int:
    """Return the number of shards of about `shard_bytes`."""
    return max(1, round(tokens * token_bytes(vocabulary, row_length) / shard_bytes))


def token_bytes(vocabulary: Vocabulary, row_length: int) -> int:
    """Return the bytes of a token in a shard: its id, segment and modality."""
    return int(vocabulary.dtype.itemsize + segment_dtype(row_length).itemsize + 1)
