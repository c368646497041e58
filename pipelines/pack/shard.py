"""The last stage: packs one bucket of samples into one shard."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.tokenizers import TextConfig
from ...schemas.dataset.layout import as_mask
from ...schemas.dataset.ledger import Tally
from ...schemas.dataset.packed_row import ROW_VERSION, row_schema, segment_type
from ...schemas.dataset.statistics import SourceStatistics, Statistics, count_codes, count_licenses
from ...schemas.dataset.tables import sample_schema
from ...schemas.storage.store import Store
from ...schemas.vocabulary import Modality, Vocabulary
from ...tokenizers.registry import load_text
from ..engines.partition import Outcome, drop_rows
from .best_fit import best_fit_decreasing
from .matrices import Placed, fill, place, segment_lists, span_lists
from .packed import statistics_note
from .segments import Segments, code_tokens, split_samples, text_bytes
from .write import shard_batch, write_shard

PACK_VERSION = 2
CODED = (Modality.TEXT, Modality.IMAGE, Modality.AUDIO)


@dataclass(frozen=True)
class PackShard:
    """Packs a table of samples by best-fit decreasing, and writes the shard."""

    store: Store
    vocabulary: Vocabulary
    row_length: int
    group: str
    text: TextConfig
    text_where: str | None  # path of the text tokenizer in the store
    kept: bool = False  # True in a run that keeps columns
    name: str = "pack"
    counted: bool = True

    def identity(self) -> list[object]:
        """Versions, vocabulary, row length and group."""
        kept = ["kept"] if self.kept else []
        return [PACK_VERSION, ROW_VERSION, self.vocabulary.fingerprint, self.row_length, self.group, *kept]

    def run(self, table: pa.Table) -> Outcome:
        """Write the shard; the note of the outcome has its manifest entry and its statistics."""
        samples = table.select(sample_schema({}, self.kept).names).combine_chunks()
        segments = split_samples(samples, self.row_length)
        row, start, rows = best_fit_decreasing(segments.length, self.row_length)
        placed = place(segments, row, start, rows)
        tallies, dropped = self._ledger(samples, segments)
        entry = None
        sources = self._sources(samples, segments)
        codes: dict[str, dict[int, int]] = {}
        if rows:
            batch, tokens = self._batch(samples, placed)
            codes = count_codes(tokens, self.vocabulary)
            totals = sum((Counter(source.tokens) for source in sources.values()), Counter())
            entry = write_shard(self.store, batch, self.group, dict(sorted(totals.items()))).model_dump(mode="json")
        statistics = Statistics(rows=rows, filled=int(segments.length.sum()), sources=sources, codebooks=codes)
        note = {"shard": entry, **statistics_note(statistics)}
        return Outcome(table.slice(0, 0), dropped, tallies, note)

    def _batch(self, samples: pa.Table, placed: Placed) -> tuple[pa.RecordBatch, npt.NDArray[Any]]:
        tokenizer = load_text(self.text, self.store.local_path(self.text_where))
        bytes_of_text = text_bytes(samples, placed.segments, tokenizer.token_bytes)
        matrices, spans = fill(samples, placed, self.vocabulary, self.row_length)
        schema = row_schema(self.vocabulary, self.row_length, {"group": self.group}, segment_type(self.kept))
        tables = segment_lists(samples, placed, bytes_of_text), span_lists(spans, placed)
        return shard_batch(schema, matrices, *tables), matrices["tokens"]

    def _ledger(self, samples: pa.Table, segments: Segments) -> tuple[list[Tally], pa.Table]:
        total = np.sum([code_tokens(samples, modality) for modality in CODED], axis=0)
        lost = np.zeros(samples.num_rows, bool)
        lost[segments.too_long] = True
        tallies = []
        for source in sorted(set(samples["source"].to_pylist())):
            mine = _mask(samples, source)
            rows, rows_lost = int(mine.sum()), int((mine & lost).sum())
            tokens, tokens_lost = int(total[mine].sum()), int(total[mine & lost].sum())
            tallies.append(
                Tally(
                    stage=self.name,
                    source=source,
                    rows_in=rows,
                    kept=rows - rows_lost,
                    dropped={"pair_too_long": rows_lost} if rows_lost else {},
                    tokens_in=tokens,
                    tokens_kept=tokens - tokens_lost,
                    tokens_dropped={"pair_too_long": tokens_lost} if rows_lost else {},
                )
            )
        needed = segments.needed[segments.too_long].tolist()
        reasons = [("pair_too_long", f"needs a row of {tokens} tokens") for tokens in needed]
        dropped = dict(zip(segments.too_long.tolist(), reasons, strict=True))
        return tallies, drop_rows(self.name, samples, dropped)[1]

    def _sources(self, samples: pa.Table, segments: Segments) -> dict[str, SourceStatistics]:
        kept = np.ones(samples.num_rows, bool)
        kept[segments.too_long] = False
        codes = {modality: code_tokens(samples, modality) for modality in CODED}
        tokens = np.sum(list(codes.values()), axis=0)
        pieces = np.bincount(segments.sample, minlength=samples.num_rows)
        sizes = {name: samples[name].to_numpy() for name in ("text_bytes", "pixels", "samples")}
        sources = {}
        for source in sorted(set(samples["source"].to_pylist())):
            mine = _mask(samples, source)
            packed = mine & kept
            counts = {modality.name.lower(): int(codes[modality][packed].sum()) for modality in CODED}
            lengths = segments.length[mine[segments.sample]]
            sources[source] = SourceStatistics(
                kind=samples["kind"][int(np.argmax(mine))].as_py(),
                samples=int(packed.sum()),
                segments=len(lengths),
                tokens={name: count for name, count in counts.items() if count},
                text_bytes=int(sizes["text_bytes"][packed].sum()),
                pixels=int(sizes["pixels"][packed].sum()),
                audio_samples=int(sizes["samples"][packed].sum()),
                licenses=count_licenses(samples["license"].filter(pa.array(packed)), pieces[packed], tokens[packed]),
                lengths=_histogram(lengths),
                too_long=_histogram(segments.needed[mine & ~kept]),
            )
        return sources


def _mask(samples: pa.Table, source: str) -> Any:
    return as_mask(pc.equal(samples["source"], source))


def _histogram(lengths: Any) -> dict[int, int]:
    values, counts = np.unique(lengths, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
