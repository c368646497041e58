"""The model card: README.md of an export, as the Hugging Face hub shows it. It states only what the run recorded."""

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

from ...model.network.export import Exported
from ...schemas.dataset.licenses import licenses_of
from ...schemas.dataset.manifest import Manifest
from ...schemas.markdown import plain, table
from ...schemas.vocabulary import Modality
from ..curves import trained_manifests, unigram_bits
from ..run_record import RunRecord
from ..verdict import beside_baseline, last_validation

USE = """\
```python
from transformers import AutoModel, AutoTokenizer

model = AutoModel.from_pretrained(PATH, trust_remote_code=True)
tokenizer = AutoTokenizer.from_pretrained(PATH, trust_remote_code=True)

text = tokenizer("How a text begins", return_tensors="pt").input_ids
task = torch.tensor([[model.config.task_ids["text"]]])
gap = torch.full((1, 20), tokenizer.mask_token_id)
filled = model.generate(torch.cat([task, text, gap], dim=1))
print(tokenizer.decode(filled[0, 1:]))
```"""


class CardFacts(NamedTuple):
    """What a card is written from."""

    name: str
    record: RunRecord
    exported: Exported
    lines: Sequence[Mapping[str, Any]]  # metrics of the run
    step: int


def model_card(facts: CardFacts) -> str:
    """Return the card of a model."""
    manifests = trained_manifests(facts.record, {})
    parts = [
        _front_matter(facts, manifests),
        f"# {plain(facts.name)}",
        _summary(facts),
        "## Bits on held-out documents",
        _figures(facts, unigram_bits(manifests)),
        "## Training data",
        _data(facts.record, manifests),
        "## Licences",
        _licenses(facts.record, manifests),
        "## Use",
        "The classes are in this folder and need `torch` and `transformers`; read them before you trust them. With "
        "Triptych installed, `triptych.TriptychModel.from_pretrained(PATH)` needs no `trust_remote_code`.",
        USE.replace("from transformers", "import torch\nfrom transformers", 1),
        _ids(facts.exported),
        "`triptych sample`, `triptych evaluate --data DATASET` and Triptych's class for lm-evaluation-harness take "
        "this folder as a run. The harness's own class `hf` does not fit: it would score the model as a causal one.",
        f"Exported by [Triptych](https://pypi.org/project/triptych/) {version('triptych')}.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(facts: CardFacts, manifests: Sequence[Manifest]) -> str:
    modalities = [name for name in ("text", "image", "audio") if _has(facts.exported, name)]
    kind = "masked-diffusion" if facts.exported.objective == "masked" else "autoregressive"
    found = sorted({name for manifest in manifests for name in licenses_of(manifest) if name is not None})
    lines = ["library_name: transformers", f"tags: {json.dumps(['triptych', kind, 'custom_code', *modalities])}"]
    if found:
        lines += ["license: other", f"license_name: {json.dumps(', '.join(found), ensure_ascii=False)}"]
    return "\n".join(["---", *lines, "---"])


def _has(exported: Exported, name: str) -> bool:
    return any(block.modality is Modality[name.upper()] for block in exported.vocabulary.slices)


def _summary(facts: CardFacts) -> str:
    config, shape = facts.record.training, facts.exported.model.shape
    counts = shape.parameters(facts.exported.vocabulary)
    what = "A masked diffusion model" if facts.exported.objective == "masked" else "An autoregressive model"
    last = max(
        (line for line in facts.lines if line["step"] <= facts.step and "tokens" in line), default=None, key=_step
    )
    seen = f" of {config.data.batch_tokens:,} positions" + (f", {last['tokens']:,} tokens in all" if last else "")
    audio = " Audio is in the parallel layout: one position a frame." if shape.audio_layout == "parallel" else ""
    return (
        f"{what} of {counts.total:,} parameters ({counts.embedding:,} of them embeddings and head): {shape.depth} "
        f"layers of width {shape.width:,}. Trained for {facts.step:,} of {config.steps:,} steps{seen}.{audio}"
    )


def _step(line: Mapping[str, Any]) -> int:
    return int(line["step"])


def _figures(facts: CardFacts, baseline: Mapping[str, float]) -> str:
    line = last_validation([line for line in facts.lines if line["step"] == facts.step])
    if line is None:
        return f"None: the run was not validated on held-out documents at step {facts.step:,}."
    rows = [*_rows(line, "nelbo", baseline)]
    if len(line.get("nelbo_by_codebook") or {}) > 1:
        rows += _rows(line, "nelbo_by_codebook", baseline)
    share = facts.record.training.data.validation
    kind = "an upper bound on the negative log-likelihood (NELBO)"
    kind = kind if facts.exported.objective == "masked" else "the negative log-likelihood"
    return (
        table(("modality", "unigram baseline", "bits per token", "standard error", ""), rows)
        + f"\n\nThe figures are {kind}, on {share:.1%} of the documents, which were not trained on. The unigram "
        "baseline is that of a model that knows how often each code occurs and nothing else"
        + ("." if baseline else "; the data could not be read for it when this was exported.")
    )


def _rows(line: Mapping[str, Any], key: str, baseline: Mapping[str, float]) -> Iterable[tuple[str, ...]]:
    errors = line.get(f"{key}_error") or {}
    for name, bits in (line.get(key) or {}).items():
        base, error = baseline.get(name), errors.get(name)
        yield (
            name,
            "not known" if base is None else f"{base:.3f}",
            "not finite" if bits is None else f"{bits:.3f}",
            "" if error is None else f"{error:.3f}",
            "" if base is None or bits is None else beside_baseline(bits, base),
        )


def _data(record: RunRecord, manifests: Sequence[Manifest]) -> str:
    names = {manifest.fingerprint: manifest for manifest in manifests}
    lines = []
    entries = zip(record.config["data"]["datasets"], record.trained_on, strict=True)
    for entry, each in entries:
        manifest = names.get(each.fingerprint)
        sources = manifest.statistics.sources.values() if manifest else ()
        part = ", ".join(filter(None, [entry.get("modality"), *(entry.get("sources") or ())])) or "all"
        size = (f"{sum(one.samples for one in sources):,}", f"{sum(sum(one.tokens.values()) for one in sources):,}")
        name = manifest.name if manifest else "not readable when this was exported"
        lines.append((name, part, f"{entry['weight']:g}", *(size if manifest else ("", "")), each.fingerprint))
    return table(("dataset", "part", "weight", "documents", "tokens", "fingerprint"), lines)


def _licenses(record: RunRecord, manifests: Sequence[Manifest]) -> str:
    sums: dict[str | None, int] = {}
    for manifest in manifests:
        for name, counts in licenses_of(manifest).items():
            sums[name] = sums.get(name, 0) + counts.tokens
    unread = {each.fingerprint for each in record.trained_on} - {manifest.fingerprint for manifest in manifests}
    note = "\n\nNot all of the data could be read when this was exported, so licences may be missing." if unread else ""
    if set(sums) <= {None}:
        return f"No source names a licence. Find out the terms of every source before you hand this model on.{note}"
    total = max(sum(sums.values()), 1)
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0] or ""))
    lines = [(name or "not given", tokens, f"{tokens / total:.1%}") for name, tokens in ordered]
    return table(("licence", "tokens of the data", "share"), lines, 2) + note


def _ids(exported: Exported) -> str:
    lines = [
        (str(index), block.modality.name.lower(), str(block.codebook), f"{block.start}", f"{block.stop}")
        for index, block in enumerate(exported.vocabulary.slices)
    ]
    return (
        "A segment opens with the id of its task (`config.task_ids`). Texts end with `eos`; codes of an image stand "
        "between `boi` and `eoi`, those of a clip, frame by frame, between `boa` and `eoa` (`config.special_ids`). "
        "Where codes of images or clips are to be predicted, `slice_ids` names the slice of each position:\n\n"
        + table(("slice", "modality", "codebook", "first id", "end"), lines)
    )
