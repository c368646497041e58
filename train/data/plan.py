"""The plan of a run: which rows it reads, in which shares, how often; exact before any work, from manifests alone."""

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
from ...schemas.vocabulary import Vocabulary
from .mix import Ints, apportion
from .selection import MixComponent, components_of

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """What the stream of rows is a function of, and how far it is to be read."""

    seed: int
    validation: float  # share of the documents that are held out
    datasets: tuple[Dataset, ...]
    streams: tuple[MixComponent, ...]
    wanted: Floats  # (streams,) shares of the tokens that the weights ask for
    units: Ints  # (streams,) shares of the rows, as `mix.deal` takes them
    rows: int  # of a step
    steps: int
    warnings: tuple[str, ...]

    @property
    def vocabulary(self) -> Vocabulary:
        """That of every dataset."""
        return self.datasets[0].manifest.vocabulary

    @property
    def row_length(self) -> int:
        """That of every dataset."""
        return self.datasets[0].manifest.row_length

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Names of all sources, which `Batch.source_S` counts through."""
        return tuple(sorted({source for stream in self.streams for source in stream.sources}))

    @cached_property
    def first_rows(self) -> Ints:
        """(streams + 1,) where each stream begins in the numbering of all rows; the last is their number."""
        return np.concatenate([[0], np.cumsum([stream.rows for stream in self.streams])]).astype(np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """Identity of the stream of rows; steps and batch have no part in it unless epochs are capped."""
        parts = [(stream.fingerprint, stream.group) for stream in self.streams]
        return fingerprint("plan", self.seed, self.validation, parts, self.units.tolist())

    def trained_on(self) -> list[dict[str, Any]]:
        """Where each dataset lay, and its fingerprints."""
        manifests = [(dataset.url, dataset.manifest) for dataset in self.datasets]
        return [
            {"path": url, "fingerprint": manifest.fingerprint, "vocabulary": manifest.vocabulary_fingerprint}
            for url, manifest in manifests
        ]


def make_plan(mix: Mixture, *, seed: int, validation: float = 0.0, steps: int | None = None, copies: int = 1) -> Plan:
    """Open the datasets of a mix and settle its shares.

    steps: default, as many as the mix lasts without a row read twice (or more than `max_epochs`, where given).
    copies: times that a row of a batch goes through the model, all of which count in `batch_tokens`.
    Raises Refusal for what cannot be mixed, and for a mix that its caps make too short for `steps`.
    """
    datasets = _open(mix.datasets)
    rows = rows_of_step(mix.batch_tokens, datasets[0].manifest.row_length, copies)
    streams: list[MixComponent] = []
    for number, entry in enumerate(mix.datasets):
        at = [dataset.url for dataset in datasets].index(entry.path.rstrip("/"))
        streams += components_of(entry, datasets[at].manifest, number=number, dataset=at)
    _refuse_overlap(mix.datasets, streams)
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
    warnings = [*_overlap_warnings(datasets), *_cap_warnings(mix.datasets, streams, shares, capped)]
    units = apportion(capped)
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
    """Rows of a global batch; raises Refusal unless it is made of whole rows."""
    places = row_length * copies
    rows, rest = divmod(batch_tokens, places)
    if rest:
        near = f"{rows * places} or {(rows + 1) * places}" if rows else f"{places}"
        times = f" {copies} times (`anti_masking`)" if copies > 1 else ""
        raise Refusal(f"`batch_tokens: {batch_tokens}` is no number of rows of {row_length}{times}. Take {near}.")
    return rows


def cap_shares(shares: Floats, most: Floats) -> Floats | None:
    """Shares of at most `most` each that keep the ratios of those below it and sum to 1; None if there are none."""
    if most.sum() < 1 - 1e-12:
        return None
    out: Floats = shares / shares.sum()
    full = np.zeros(len(out), bool)
    while (out > most).any():
        full |= out > most
        out = np.where(full, most, shares * (1 - most[full].sum()) / max(shares[~full].sum(), 1e-300))
    return out


def _open(entries: Sequence[MixEntry]) -> list[Dataset]:
    """Each path once; all of one vocabulary and row length."""
    datasets = [Dataset(path) for path in dict.fromkeys(entry.path.rstrip("/") for entry in entries)]
    first = datasets[0]
    for other in datasets[1:]:
        first.manifest.vocabulary.require(other.manifest.vocabulary, first.url, other.url)
        if first.manifest.row_length != other.manifest.row_length:
            sides = [(dataset.url, str(dataset.manifest.row_length)) for dataset in (first, other)]
            raise Mismatch.between("row_length", sides[0], sides[1], "Prepare both with one `row_length`.")
    return datasets


def _refuse_overlap(entries: Sequence[MixEntry], streams: Sequence[MixComponent]) -> None:
    seen: dict[tuple[str, str], MixComponent] = {}
    for stream in streams:
        other = seen.setdefault((stream.fingerprint, stream.group), stream)
        if other is not stream:
            raise Refusal(
                f"{entries[stream.entry].path}: rows of `{stream.group}` are in entries {other.entry + 1} and "
                f"{stream.entry + 1} of the mix. Keep them in one, with the sum of the weights."
            )


def _shares(entries: Sequence[MixEntry], streams: Sequence[MixComponent]) -> tuple[Floats, Floats]:
    """Of tokens, and of rows. Groups of one entry share its weight so that their epochs end together."""
    tokens = np.array([stream.tokens for stream in streams], np.float64)
    rows = np.array([stream.rows for stream in streams], np.float64)
    entry = np.array([stream.entry for stream in streams])
    weight = np.array([item.weight for item in entries])
    wanted = (weight / weight.sum())[entry] * tokens / np.bincount(entry, tokens)[entry]
    shares = wanted * rows / tokens
    return wanted, shares / shares.sum()


def _cap_warnings(
    entries: Sequence[MixEntry], streams: Sequence[MixComponent], shares: Floats, capped: Floats
) -> list[str]:
    return [
        f"{entries[stream.entry].path}, {stream.group}: `max_epochs` lowers its share of the rows from "
        f"{before:.2%} to {after:.2%}"
        for stream, before, after in zip(streams, shares, capped, strict=True)
        if after < before * (1 - 1e-9)
    ]


def _overlap_warnings(datasets: Sequence[Dataset]) -> list[str]:
    lines = []
    for dataset in datasets:
        reports = dataset.manifest.decontamination
        if not reports:
            lines.append(
                f"{dataset.url}: was compared with no evaluation set when it was prepared; "
                "what is measured on one may have been trained on"
            )
        for report in reports:
            found = sum(count for halves in report.hits.values() for count in halves.values())
            if found:
                lines.append(f"{dataset.url}: {found:,} rows were in evaluation set `{report.name}` and were dropped")
    return lines
