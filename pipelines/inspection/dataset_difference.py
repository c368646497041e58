"""What differs between two datasets, as JSON values: configuration, tokenizers, ledger, lengths, documents."""

from collections import Counter
from typing import Any

from ...schemas.dataset.manifest import Manifest
from .browse.browsed import BrowsedDataset
from .browse.compare import config_difference, document_difference, length_tests, mix_divergence

P_CHANGED = 0.01  # below this, the lengths of a source are called different


def dataset_difference(before: BrowsedDataset, after: BrowsedDataset) -> dict[str, Any]:
    """Compare two datasets.

    Returns:
        `fingerprint`: those of both. `config`: lines of a unified difference. `tokenizers`: the fingerprints that
        differ, by modality. `sources`: documents and tokens of both, where these differ. `dropped`: dropped rows of
        both by source, stage and reason, where they differ. `lengths`: sources whose segment lengths differ, by a
        Kolmogorov-Smirnov test. `mix_divergence`: Jensen-Shannon divergence of the shares of tokens, in bits.
        `documents`: how many are in both, removed and added, by content; None where that cannot be told.
    """
    old, new = before.manifest, after.manifest
    documents = document_difference(before, after)
    counts = ("same", "removed", "added")
    return {
        "fingerprint": [old.fingerprint, new.fingerprint],
        "config": [sign + line for sign, line in config_difference(old.config, new.config)],
        "tokenizers": _changed(_tokenizers(old), _tokenizers(new)),
        "sources": _changed(_sources(old), _sources(new)),
        "dropped": _changed(_dropped(old), _dropped(new)),
        "lengths": [
            {"source": test.source, "medians": test.medians, "statistic": test.statistic, "p": test.p}
            for test in length_tests(old, new)
            if test.p < P_CHANGED
        ],
        "mix_divergence": mix_divergence(old, new),
        "documents": {name: getattr(documents, name) for name in counts} if documents else None,
    }


def _changed(old: dict[str, Any], new: dict[str, Any]) -> dict[str, list[Any]]:
    """Both values of each key whose values differ; None for a key that one side lacks."""
    names = [*old, *(name for name in new if name not in old)]
    return {name: [old.get(name), new.get(name)] for name in names if old.get(name) != new.get(name)}


def _tokenizers(manifest: Manifest) -> dict[str, str]:
    return {name: entry.card.fingerprint for name, entry in manifest.tokenizers.items()}


def _sources(manifest: Manifest) -> dict[str, dict[str, Any]]:
    found = manifest.statistics.sources
    return {name: {"documents": each.samples, "tokens": dict(each.tokens)} for name, each in found.items()}


def _dropped(manifest: Manifest) -> dict[str, int]:
    rows: Counter[str] = Counter()
    for tally in manifest.ledger:
        for reason, count in tally.dropped.items():
            rows[f"{tally.source} {tally.stage} {reason}"] += count
    return dict(sorted(rows.items()))
