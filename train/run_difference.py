"""What differs between two training runs, as JSON values: train files, data, and the last figures."""

from collections.abc import Mapping
from typing import Any

from ..schemas.storage.store import Store
from .curves import RunCurves, figures, trained_manifests, training_series, unigram_bits, validations


def run_difference(before: Store, after: Store) -> dict[str, Any]:
    """Compare two runs.

    Returns:
        `config`: both train files as mappings, without `out`. `trained_on`: fingerprints of the datasets of both, where
        they differ. `steps`: steps of both that are done. `bits`: bits per token of both by modality, where they
        differ; on held-out documents if the run was validated.
    """
    sides = [RunCurves(store) for store in (before, after)]
    records = [side.record for side in sides]
    data = [[each.fingerprint for each in record.trained_on] if record else [] for record in records]
    bits = [_bits(side) for side in sides]
    return {
        "config": [_without_out(record.config) if record else {} for record in records],
        "trained_on": data if data[0] != data[1] else [],
        "steps": [_last_step(side) for side in sides],
        "bits": {
            name: [each.get(name) for each in bits]
            for name in dict.fromkeys([*bits[0], *bits[1]])
            if bits[0].get(name) != bits[1].get(name)
        },
    }


def _without_out(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != "out"}


def _last_step(curves: RunCurves) -> int:
    return max((int(line["step"]) for line in curves.lines), default=0)


def _bits(curves: RunCurves) -> Mapping[str, float]:
    lines = curves.lines
    baseline = unigram_bits(trained_manifests(curves.record, {}))
    rows = figures(training_series(lines), validations(lines), baseline)
    return {row["modality"]: row["train"] if row["validation"] is None else row["validation"] for row in rows}
