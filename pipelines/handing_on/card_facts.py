"""What the cards say of a dataset in words and sums, from its manifest."""

from typing import Any

from ...schemas.dataset.manifest import Manifest


def duration(manifest: Manifest, samples: int) -> str:
    """Write a number of audio samples as time: hours, or minutes and seconds where it is less than an hour."""
    if not samples or "audio" not in manifest.tokenizers:
        return "none"
    seconds = samples / (manifest.tokenizers["audio"].card.sample_rate or 1)
    if seconds >= 3600:
        return f"{seconds / 3600:,.2f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def processing(manifest: Manifest) -> list[str]:
    """Describe, in the order of the stages, what was done to the rows."""
    config = manifest.config
    lines = [_filter(rule) for rule in config.get("filters", ())]
    dedup = config.get("dedup") or {}
    for modality in ("text", "image", "audio"):
        rule = dedup.get(modality)
        if rule:
            near = [name for name in ("near", "semantic") if rule.get(name)]
            lines.append(f"Duplicates of {modality} were removed: {', '.join(['exact', *near])}.")
    if manifest.decontamination:
        names = ", ".join(report.name for report in manifest.decontamination)
        lines.append(f"Rows that overlap with these evaluation sets were removed: {names}.")
    kinds = [f"{name} by {entry.card.config.get('kind')}" for name, entry in manifest.tokenizers.items()]
    lines.append(f"Tokenized: {', '.join(kinds)}.")
    by = (config.get("pack") or {}).get("group_by", "modality")
    lines.append(
        f"Packed into rows of {manifest.row_length:,} tokens, grouped by {by}. Images and clips are whole; only texts "
        "that are longer than a row are split."
    )
    if any(tally.stage == "takedown" and tally.dropped for tally in manifest.ledger):
        lines.append("Documents were removed on request (takedown).")
    return lines


def _filter(rule: dict[str, Any]) -> str:
    settings = {name: value for name, value in rule.items() if name not in ("name", "path") and value is not None}
    words = ", ".join(f"{name} {value}" for name, value in settings.items())
    return f"Filter {rule['name']}{': ' + words if words else ''}."
