"""Curves of a run for a page: read from the files that the run writes, while it trains and after.

Nothing here needs torch. A run of a million logged steps is thinned to as many points as a page can show.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import log2
from typing import Any

from ..schemas.base import Strict
from ..schemas.dataset.manifest import Manifest
from ..schemas.dataset.reader import Dataset
from ..schemas.identity import unseal
from ..schemas.storage.store import Store
from .metrics_file import FILE as METRICS
from .metrics_file import LARGEST, parse_lines
from .run_record import RUN, RunRecord
from .verdict import beside_baseline

MODALITIES = ("text", "image", "audio")
POINTS = 2000
PLAIN = ("loss", "grad_norm", "clipped", "lr", "tokens_per_second", "flops_per_second", "mfu", "left_out", "tokens")
NO_BASELINE = "the datasets of the run cannot be read here, so there is no baseline"
Series = dict[str, list[Any]]


class Validation(Strict):
    """Bits per token on held-out documents, of one set and one kind of weights."""

    split: str  # `validation` or `validation_datasets`
    weights: str  # `raw`, or `ema` for their moving average
    step: list[int]
    bits: dict[str, list[float | None]]
    error: dict[str, list[float | None]]
    by_ratio: dict[str, dict[str, float | None]]  # of the last step: modality -> mask ratio -> bits


class RunCurves:
    """The metrics and the record of a run at a URL; read again whenever its files grow."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._size, self._lines = -1, list[dict[str, Any]]()

    @property
    def record(self) -> RunRecord | None:
        """The run's record; None before the first step."""
        try:
            return RunRecord.model_validate(unseal(self._store.read(RUN)))
        except (FileNotFoundError, ValueError):
            return None

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Lines of the metrics."""
        try:
            size = self._store.size(METRICS)
        except FileNotFoundError:
            return []
        if size != self._size:
            self._size, self._lines = size, parse_lines(self._store.read(METRICS))
        return self._lines

    @property
    def steps(self) -> int | None:
        """Steps that the run is to do."""
        record = self.record
        steps = record.config.get("steps") if record else None
        return steps if isinstance(steps, int) and 0 <= steps < LARGEST else None

    @property
    def age(self) -> float | None:
        """Seconds since the metrics were last written; None if they never were."""
        try:
            time = self._store.modified(METRICS)
        except FileNotFoundError:
            return None
        return max(0.0, (datetime.now(UTC) - time.astimezone(UTC)).total_seconds())


def is_run(store: Store) -> bool:
    """Whether a path is the folder of a training run, by the files that it holds."""
    try:
        return store.exists(METRICS) or (store.exists(RUN) and bool(store.names("checkpoints")))
    except NotADirectoryError:  # the path of a file
        return False


def training_series(lines: Sequence[Mapping[str, Any]], points: int = POINTS) -> Series:
    """Columns of the lines of training steps: `step`, `bits_MODALITY`, `loss`, `grad_norm` and so on.

    A column without a value is left out; a figure that was not finite is None.
    """
    steps = [line for line in lines if "split" not in line]
    steps = steps[:: -(-len(steps) // points) or 1] if len(steps) > points else steps
    found: Series = {"step": [line["step"] for line in steps]}
    for name in MODALITIES:
        found[f"bits_{name}"] = [(line.get("nelbo") or {}).get(name) for line in steps]
    for name in PLAIN:
        found[name] = [line.get(name) for line in steps]
    return {name: values for name, values in found.items() if any(value is not None for value in values)}


def validations(lines: Sequence[Mapping[str, Any]]) -> list[Validation]:
    """Validation curves, one a set and kind of weights."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for line in lines:
        if "split" in line:
            groups.setdefault((line["split"], line.get("weights", "raw")), []).append(line)
    return [
        Validation(
            split=split,
            weights=weights,
            step=[line["step"] for line in group],
            bits=_by_modality(group, "nelbo"),
            error=_by_modality(group, "nelbo_error"),
            by_ratio=group[-1].get("ce_by_ratio") or {},
        )
        for (split, weights), group in groups.items()
    ]


def _by_modality(lines: Sequence[Mapping[str, Any]], key: str) -> dict[str, list[float | None]]:
    columns = {name: [(line.get(key) or {}).get(name) for line in lines] for name in MODALITIES}
    return {name: values for name, values in columns.items() if any(value is not None for value in values)}


def trained_manifests(record: RunRecord | None, local: Mapping[str, Manifest]) -> list[Manifest]:
    """The manifests of the datasets of a run, those that can still be read.

    Args:
        record: The run's record.
        local: Manifests that are open, by the fingerprint of the dataset.
    """
    found = []
    for each in record.trained_on if record else ():
        if each.fingerprint in local:
            found.append(local[each.fingerprint])
            continue
        try:
            manifest = Dataset(each.path).manifest
        except Exception:  # noqa: S112 the path may be someone else's, and each kind of store fails in its own way
            continue
        if manifest.fingerprint == each.fingerprint:
            found.append(manifest)
    return found


def unigram_bits(manifests: Sequence[Manifest]) -> dict[str, float]:
    """Bits per token of a model that knows how often each code occurs, and nothing else.

    The entropy of the codes of each modality, averaged over its codebooks, and over datasets by their tokens; and that
    of each audio codebook, as `audio0` and so on.
    """
    sums: dict[str, tuple[float, float]] = {}
    for manifest in manifests:
        for name in MODALITIES:
            books = {
                book: max(use.perplexity, 1.0)
                for book, use in manifest.codebooks.items()
                if book.rstrip("0123456789") == name and use.used
            }
            tokens = sum(source.tokens.get(name, 0) for source in manifest.statistics.sources.values())
            if books and tokens:
                entropies = {name: sum(map(log2, books.values())) / len(books)}
                if name == "audio":
                    entropies |= {book: log2(perplexity) for book, perplexity in books.items()}
                for key, bits in entropies.items():
                    before = sums.get(key, (0.0, 0.0))
                    sums[key] = (before[0] + bits * tokens, before[1] + tokens)
    return {name: total / tokens for name, (total, tokens) in sums.items()}


def chart_data(name: str, lines: Sequence[Mapping[str, Any]], baseline: Mapping[str, float]) -> dict[str, Any]:
    """What the charts of a page draw of a run, JSON-ready.

    Args:
        name: Name of the run.
        lines: Its metrics.
        baseline: As `unigram_bits` returns it.
    """
    checks = [check.model_dump() for check in validations(lines)]
    return {"name": name, "series": training_series(lines), "validations": checks, "baseline": dict(baseline)}


def figures(series: Series, checks: Sequence[Validation], baseline: Mapping[str, float]) -> list[dict[str, Any]]:
    """The last figures of a run by modality, beside the baseline, with a verdict in words."""
    rows = []
    for name in MODALITIES:
        bits = [value for value in series.get(f"bits_{name}", ()) if value is not None]
        held = next((c.bits[name][-1] for c in reversed(checks) if name in c.bits), None)
        if not bits and held is None:
            continue
        last, base = held if held is not None else bits[-1], baseline.get(name)
        rows.append(
            {
                "modality": name,
                "train": bits[-1] if bits else None,
                "validation": held,
                "baseline": base,
                "verdict": NO_BASELINE if base is None else beside_baseline(last, base),
            }
        )
    return rows
