"""Files that accompany every export: `triptych.json`, which describes the ids, and the tokenizers."""

import json
from pathlib import Path
from typing import Any

from ...schemas.dataset.reader import Dataset
from ...schemas.vocabulary import Kind, Modality, Special

DESCRIPTION = "triptych.json"


def write_description(dataset: Dataset, folder: Path, layout: str, **facts: Any) -> None:
    """Write `triptych.json` and copy the tokenizers.

    Args:
        dataset: The dataset that is exported.
        folder: Folder of the export.
        layout: Name of the format.
        facts: What else the format has to say, as JSON values.

    Raises:
        Refusal: A tokenizer file is damaged.
    """
    manifest = dataset.manifest
    for tokenizer in manifest.tokenizers.values():
        for entry in tokenizer.files:
            target = folder / entry.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(dataset.verified(entry).read_buffer())
    vocabulary = manifest.vocabulary
    body = {
        "layout": layout,
        "name": manifest.name,
        "fingerprint": manifest.fingerprint,
        "rows": dataset.rows,
        "row_length": manifest.row_length,
        "row_version": manifest.row_version,
        "vocabulary": vocabulary.model_dump(mode="json"),
        "vocabulary_fingerprint": manifest.vocabulary_fingerprint,
        "vocabulary_size": vocabulary.size,
        "ids": [
            {"modality": block.modality.name.lower(), "codebook": block.codebook, "from": block.start, "to": block.stop}
            for block in vocabulary.slices
        ],
        "special": {special.name: int(special) for special in Special},
        "modalities": {str(int(modality)): modality.name.lower() for modality in Modality},
        "kinds": {str(kind.code): str(kind) for kind in Kind},
        "tokenizers": {name: each.card.model_dump(mode="json") for name, each in manifest.tokenizers.items()},
        **facts,
    }
    (folder / DESCRIPTION).write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
