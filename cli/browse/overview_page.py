"""What the overview of a dataset shows beside the figures of its manifest."""

from typing import Any

import yaml

from ...pipelines.inspection.browse.funnel import funnel
from ...pipelines.inspection.browse.kept_columns import kept_columns
from ...pipelines.inspection.browse.overview import overview
from .items import Item
from .made_by import made_by


def overview_context(item: Item) -> dict[str, Any]:
    """Collect what `overview.html` needs."""
    dataset, manifest = item.dataset, item.dataset.manifest
    return {
        "facts": overview(dataset),
        "funnel": funnel(manifest),
        "manifest": manifest,
        "kept": kept_columns(dataset),
        "made": made_by(item),
        "run_file": yaml.safe_dump(manifest.config, sort_keys=False, allow_unicode=True, width=100),
        "dedup": [_duplicates(report.model_dump() | {"clusters": report.clusters}) for report in manifest.dedup],
        "evaluation": [_hits(report.model_dump()) for report in manifest.decontamination],
        "tokenizers": {name: entry.card for name, entry in manifest.tokenizers.items()},
        "fingerprints": {
            "dataset": manifest.fingerprint,
            "run file": manifest.run,
            "vocabulary": manifest.vocabulary_fingerprint,
            **{f"input {name}": value for name, value in manifest.inputs.items()},
        },
    }


def _duplicates(report: dict[str, Any]) -> dict[str, Any]:
    bins = [(2, 2), (3, 3), (4, 7), (8, 15), (16, 63), (64, None)]
    sizes = [
        {
            "label": f"{low}" if low == high else f"{low}–{high}" if high else f"{low} or more",
            "clusters": sum(n for rows, n in report["sizes"].items() if low <= rows <= (high or rows)),
        }
        for low, high in bins
    ]
    across = sum(count for survivors in report["across"].values() for count in survivors.values())
    return report | {"bins": sizes, "within_all": sum(report["within"].values()), "across_all": across}


def _hits(report: dict[str, Any]) -> dict[str, Any]:
    total = sum(count for modalities in report["hits"].values() for count in modalities.values())
    return report | {"total": total}
