"""The dataset card in Markdown, with the block of metadata that the Hugging Face hub reads."""

import json
from typing import Any

from ...schemas.dataset.licenses import licenses_of
from ...schemas.dataset.manifest import Manifest
from ...schemas.markdown import plain, table
from ..inspection.stats import stats
from .card_facts import duration, processing

CODED = ("text", "image", "audio")
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))


def markdown_card(manifest: Manifest) -> str:
    """Return the card of a dataset."""
    facts = stats(manifest)
    samples = sum(source["samples"] for source in facts["sources"].values())
    tokens = sum(facts["tokens"].values())
    parts = [
        _front_matter(manifest, samples),
        f"# {plain(manifest.name)}",
        f"{samples:,} documents with {tokens:,} tokens, prepared by [Triptych](https://pypi.org/project/triptych/) as "
        f"{facts['rows']:,} packed rows of {manifest.row_length:,} tokens, {facts['fill']:.2%} full, in "
        f"{facts['shards']:,} Arrow files with {facts['bytes'] / 1e6:,.1f} MB.",
        "## Content",
        _sources(manifest),
        "## Licences",
        _licenses(manifest),
        "## From read rows to packed rows",
        "\n".join(f"- {plain(line)}" for line in processing(manifest)),
        _ledger(manifest),
        *_duplicates(facts),
        *_benchmarks(facts),
        "## Tokenizers and ids",
        _tokenizers(manifest),
        _codebooks(facts),
        "## Use",
        '```python\nimport triptych\n\ndataset = triptych.Dataset(".")\n'
        "for segment in dataset.segments(slice(0, 1)):\n"
        "    print(segment.source, segment.kind, dataset.decode(segment).text)\n```",
        "`triptych verify` recomputes every figure of this page, `triptych show` decodes rows, and `triptych takedown` "
        f"removes documents. Fingerprint of the dataset: `{manifest.fingerprint}`.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(manifest: Manifest, samples: int) -> str:
    found = [name for name in licenses_of(manifest) if name is not None]
    kinds = sorted({source.kind for source in manifest.statistics.sources.values()})
    size = next((name for most, name in _SIZES if samples < most), "n>10M")
    lines = [f"pretty_name: {json.dumps(manifest.name)}", f"size_categories: [{json.dumps(size)}]"]
    lines.append(f"tags: {json.dumps(['triptych', 'tokenized', 'packed', *kinds])}")
    if found:
        lines += ["license: other", f"license_name: {json.dumps(', '.join(found), ensure_ascii=False)}"]
    return "\n".join(["---", *lines, "---"])


def _sources(manifest: Manifest) -> str:
    lines = []
    for name, source in manifest.statistics.sources.items():
        images = source.samples if "image" in source.kind else 0
        counts = [source.tokens.get(modality, 0) for modality in CODED]
        lines.append([name, source.kind, source.samples, *counts, images, duration(manifest, source.audio_samples)])
    heads = ("source", "kind", "documents", "text tokens", "image tokens", "audio tokens", "images", "audio")
    return table(heads, lines, 6)


def _licenses(manifest: Manifest) -> str:
    found = licenses_of(manifest)
    if set(found) <= {None}:
        return "No source names a licence. Find out the terms of every source before you hand this dataset on."
    total = sum(counts.tokens for counts in found.values())
    lines = [
        (name or "not given", counts.segments, counts.tokens, f"{counts.tokens / max(total, 1):.1%}")
        for name, counts in sorted(found.items(), key=lambda item: (-item[1].tokens, item[0] or ""))
    ]
    return table(("licence", "segments", "tokens", "share of tokens"), lines, 3)


def _ledger(manifest: Manifest) -> str:
    lines = []
    for tally in manifest.ledger:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in tally.dropped.items())
        lines.append((tally.source, tally.stage, reasons or "none", tally.rows_in, tally.kept))
    return table(("source", "stage", "dropped", "rows in", "rows kept"), lines, 2)


def _duplicates(facts: dict[str, Any]) -> list[str]:
    if not facts["dedup"]:
        return []
    lines = [
        (each["kind"], each["judged"], each["rows"], each["clusters"], sum(each["dropped"].values()))
        for each in facts["dedup"]
    ]
    return ["### Duplicates", table(("kind", "compared", "rows", "clusters", "rows dropped"), lines, 3)]


def _benchmarks(facts: dict[str, Any]) -> list[str]:
    if not facts["decontamination"]:
        return []
    lines = [
        (each["name"], each["rows"], sum(sum(hits.values()) for hits in each["hits"].values()))
        for each in facts["decontamination"]
    ]
    return ["### Evaluation sets kept out", table(("evaluation set", "its rows", "rows dropped here"), lines, 2)]


def _tokenizers(manifest: Manifest) -> str:
    lines = []
    for name, entry in manifest.tokenizers.items():
        card = entry.card
        what = f"{card.tokens} tokens per image" if card.tokens else ""
        what = f"{card.frame_rate:g} frames per second of {card.sample_rate:,} Hz" if card.frame_rate else what
        lines.append((name, card.config.get("kind", ""), " + ".join(map(str, card.sizes)), what, card.fingerprint))
    return table(("modality", "tokenizer", "codes", "rate", "fingerprint"), lines)


def _codebooks(facts: dict[str, Any]) -> str:
    lines = [(name, use["size"], use["used"], f"{use['perplexity']:,.1f}") for name, use in facts["codebooks"].items()]
    return table(("codebook", "codes", "used", "perplexity"), lines, 3)
