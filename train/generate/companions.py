"""What sampling needs beside the weights: tokenizers, vocabulary and lengths, in the `model` folder of a run.

They are written when training starts, so that checkpoints can be sampled without the data while the run goes on.
"""

import json
import os
from pathlib import Path

import pyarrow.parquet as pq

from ...model.network.export import VOCABULARY
from ...tokenizers.bundle import save_bundle
from ..data.plan import Plan
from ..data.shards import Shards
from .lengths import FILE, lengths_of


def save_companions(folder: Path, plan: Plan, shards: Shards) -> None:
    """Write everything in the `model` folder but the model itself; a folder with vocabulary.json is complete."""
    save_bundle(plan.datasets[0], folder)
    with (folder / FILE).open("wb") as file:  # pyarrow reads a path with a colon as a URL
        pq.write_table(lengths_of(plan, shards), file)
    text = json.dumps(plan.vocabulary.model_dump(mode="json"), indent=1, sort_keys=True)
    temporary = folder / f"{VOCABULARY}.new"
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, folder / VOCABULARY)
