"""Plan of a run: the rows that it reads, in which shares and how often, computed from manifests before any work."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ...schemas.config.mix import MixEntry, Mixture
from ...schemas.config.training import TrainConfig
from ...schemas.dataset.reader import Dataset
from ...schemas.errors import Mismatch, Refusal
from ...schemas.identity import fingerprint
from ...schemas.vocabulary import Kind, Vocabulary
from .mix import Ints, apportion
from .overlap import Part, require_disjoint
from .plan_warnings import cap_warnings, decontamination_warnings, repeat_warnings, split_warnings
from .selection import MixComponent, components_of

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """Everything that determines the stream of rows, and how far it is read."""

    seed: int
    validation: float  # share of documents that are held out
    datasets: tuple[Dataset, ...]
    streams: tuple[MixComponent, ...]
    wanted: Floats  # (streams,) shares of the tokens, from the weights of the mix
    units: Ints  # (streams,) shares of the rows, as `mix.assign_streams` takes them
    rows: int  # rows of a step
    steps: int
    warnings: tuple[str, ...]

    @property
    def vocabulary(self) -> Vocabulary:
        """Vocabulary of all datasets."""
        return self.datasets[0].manifest.vocabulary

    @property
    def row_length(self) -> int:
        """Row length of all datasets."""
        return self.datasets[0].manifest.row_length

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Names of all sources; `Batch.source_S` is an index into this."""
        return tuple(sorted({source for stream in self.streams for source in stream.sources}))

    @cached_property
    def kinds(self) -> frozenset[Kind]:
        """Kinds of all samples."""
        there = [self.datasets[stream.dataset].manifest.statistics.sources for stream in self.streams]
        return frozenset(
            Kind(known[source].kind)
            for known, stream in zip(there, self.streams, strict=True)
            for source in stream.sources
        )

    @cached_property
    def first_rows(self) -> Ints:
        """(streams + 1,) number of each stream's first row in the plan; the last entry is the number of all rows."""
        return np.concatenate([[0], np.cumsum([stream.rows for stream in self.streams])]).astype(np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """Identity of the stream of rows; independent of steps and batch unless `max_epochs` changes the shares."""
        parts = [(stream.fingerprint, stream.group) for stream in self.streams]
        return fingerprint("plan", self.seed, self.validation, parts, self.units.tolist())

    def trained_on(self) -> list[dict[str, Any]]:
        """Path and fingerprints of each dataset, JSON-ready."""
        manifests = [(dataset.where, dataset.manifest) for dataset in self.datasets]
        return [
            {
                "path": url,
                "fingerprint": manifest.fingerprint,
                "vocabulary": manifest.vocabulary_fingerprint,
                "has_content": manifest.has_content,
            }
            for url, manifest in manifests
        ]


def make_plan(
    mix: Mixture,
    *,
    seed: int,
    validation: float = 0.0,
    steps: int | None = None,
    copies: int = 1,
    opened: Sequence[Dataset] = (),
) -> Plan:
    """Open the datasets of a mix and compute its shares.

    Args:
        mix: Datasets, weights and batch size.
        seed: Seed of the run.
        validation: Share of documents to hold out.
        steps: Number of steps; None: as many as possible without reading a row twice (or more often than `max_epochs`).
        copies: Number of times that each row of a batch goes through the model; `batch_tokens` counts all of them.
        opened: The datasets of the mix, if they are open.

    Raises:
        Refusal: For datasets that cannot be mixed, and if `max_epochs` leaves too few rows for `steps`.
    """
    datasets = _open(mix.datasets, opened)
    rows = rows_of_step(mix.batch_tokens, datasets[0].manifest.row_length, copies)
    streams: list[MixComponent] = []
    for number, entry in enumerate(mix.datasets):
        at = [dataset.url for dataset in datasets].index(entry.path.rstrip("/"))
        streams += components_of(entry, datasets[at].manifest, number=number, dataset=at)
    _refuse_shared_rows(mix.datasets, streams)
    if validation and not mix.allow_overlap and not all(dataset.manifest.has_content for dataset in datasets):
        parts = parts_of(datasets, streams)
        require_disjoint(parts, parts, validation, "`allow_overlap: true`")
    wanted, shares = _shares(mix.datasets, streams)
    held = np.array([stream.rows for stream in streams], np.float64)
    most = held * [mix.datasets[stream.entry].max_epochs or np.inf for stream in streams]
    if steps is None:
        lasting = np.where(np.isinf(most), held, most) / shares
        steps = max(int(lasting.min() // rows), 1)
    capped = cap_shares(shares, most / (steps * rows))
    if capped is None:
        raise Refusal(
            f"{steps:,} steps of {rows:,} rows are {steps * rows:,}, but within `max_epochs` the mix has "
            f"{int(most.sum()):,}. Lower `steps` or raise `max_epochs`."
        )
    units = apportion(capped)
    warnings = [*decontamination_warnings(datasets), *(split_warnings(datasets) if validation else ())]
    warnings += cap_warnings(mix.datasets, streams, shares, capped)
    warnings += repeat_warnings(mix.datasets, streams, units, rows, steps)
    return Plan(seed, validation, tuple(datasets), tuple(streams), wanted, units, rows, steps, tuple(warnings))


def plan_of(config: TrainConfig) -> Plan:
    """The plan of a train file; raises Refusal as `make_plan` does."""
    data = config.data
    return make_plan(
        data,
        seed=config.seed,
        validation=data.validation,
        steps=config.steps,
        copies=config.objective.copies,
    )


def rows_of_step(batch_tokens: int, row_length: int, copies: int = 1) -> int:
    """Number of rows of a global batch.

    Args:
        batch_tokens: Tokens of a global batch, over all copies.
        row_length: Tokens of a row.
        copies: Number of times that each row goes through the model.

    Raises:
        Refusal: If a batch is not a whole number of rows.
    """
    places = row_length * copies
    rows, rest = divmod(batch_tokens, places)
    if rest:
        near = f"{rows * places} or {(rows + 1) * places}" if rows else f"{places}"
        times = f" * {copies} (`anti_masking` uses each row {copies} times)" if copies > 1 else ""
        raise Refusal(
            f"`batch_tokens: {batch_tokens}` is not a multiple of the row length {row_length}{times}. Use {near}."
        )
    return rows


def cap_shares(shares: Floats, most: Floats) -> Floats | None:
    """Limit shares to at most `most` each; the others keep their ratios, and all sum to 1.

    Returns:
        Limited shares, or None if the limits sum to less than 1.
    """
    if most.sum() < 1 - 1e-12:
        return None
    out: Floats = shares / shares.sum()
    full = np.zeros(len(out), bool)
    while (out > most).any():
        full |= out > most
        out = np.where(full, most, shares * (1 - most[full].sum()) / max(shares[~full].sum(), 1e-300))
    return out


def _open(entries: Sequence[MixEntry], opened: Sequence[Dataset]) -> list[Dataset]:
    """Open each path once; all datasets must have the same vocabulary and row length."""
    there = {dataset.url: dataset for dataset in opened}
    paths = dict.fromkeys(entry.path.rstrip("/") for entry in entries)
    datasets = [there.get(path) or Dataset(path) for path in paths]
    first = datasets[0]
    for other in datasets[1:]:
        first.manifest.vocabulary.require(other.manifest.vocabulary, first.url, other.url)
        if first.manifest.row_length != other.manifest.row_length:
            sides = [(dataset.url, str(dataset.manifest.row_length)) for dataset in (first, other)]
            raise Mismatch.between("row_length", sides[0], sides[1], "Prepare both with one `row_length`.")
    return datasets


def _refuse_shared_rows(entries: Sequence[MixEntry], streams: Sequence[MixComponent]) -> None:
    seen: dict[tuple[str, str], MixComponent] = {}
    for stream in streams:
        other = seen.setdefault((stream.fingerprint, stream.group), stream)
        if other is not stream:
            raise Refusal(
                f"{entries[stream.entry].path}: rows of `{stream.group}` are in entries {other.entry + 1} and "
                f"{stream.entry + 1} of the mix. Keep them in one, with the sum of the weights."
            )


def _shares(entries: Sequence[MixEntry], streams: Sequence[MixComponent]) -> tuple[Floats, Floats]:
    """Shares of tokens and of rows. The groups of an entry share its weight so that their epochs end together."""
    tokens = np.array([stream.tokens for stream in streams], np.float64)
    rows = np.array([stream.rows for stream in streams], np.float64)
    entry = np.array([stream.entry for stream in streams])
    weight = np.array([item.weight for item in entries])
    wanted = (weight / weight.sum())[entry] * tokens / np.bincount(entry, tokens)[entry]
    shares = wanted * rows / tokens
    return wanted, shares / shares.sum()


def parts_of(datasets: Sequence[Dataset], streams: Sequence[MixComponent]) -> list[Part]:
    """The groups of rows that a plan reads from each dataset."""
    groups: dict[int, tuple[str, ...]] = {}
    for stream in streams:
        groups[stream.dataset] = (*groups.get(stream.dataset, ()), stream.group)
    return [Part(datasets[at].url, datasets[at].manifest.fingerprint, names) for at, names in groups.items()]
