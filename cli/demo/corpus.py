"""Corpus of the demo: three small sources, a run file and a train file, generated from installed packages."""

from importlib.util import find_spec
from pathlib import Path

from ...schemas.errors import Refusal
from .glyphs import write_glyphs
from .speech import write_speech
from .text import write_text

RUN_FILE = """\
name: demo
out: dataset                      # next to this file; any fsspec URL
seed: {seed}
row_length: 512
engine: {{kind: dask, workers: 2}}
sources:
  - {{name: docs,   kind: jsonl,      path: "text/*.jsonl.gz", modality: text,       text: text}}
  - {{name: glyphs, kind: webdataset, path: "glyphs/*.tar",    modality: image-text, image: png, text: txt}}
  - {{name: speech, kind: parquet,    path: "speech.parquet",  modality: audio-text, audio: audio, text: text}}
tokenizers:
  text:  {{kind: sentencepiece, vocab_size: 2000, sample_bytes: 2000000}}
  image: {{kind: vq, size: 64, downsample: 16, codes: 1024, steps: 300}}              # 16 tokens per image
  audio: {{kind: rvq, sample_rate: 16000, levels: 2, codes: 512, steps: 120}}        # 100 tokens per second
partition_bytes: 2000000
"""


TRAIN_FILE = """\
out: run
seed: {seed}
data:
  datasets:
    - {{path: dataset, modality: image-text, weight: 0.51}}
    - {{path: dataset, modality: audio-text, weight: 0.4}}
    - {{path: dataset, modality: text, weight: 0.09}}
  batch_tokens: 1024
  validation: 0.03
model: {{depth: 3, width: 192}}
objective:
  kind: masked
  tasks:                           # mostly from text to image and speech
    image-text: {{t2i: 0.9, joint: 0.1}}
    audio-text: {{t2s: 0.9, joint: 0.1}}
optimizer: {{warmup: 100}}
steps: 2250
checkpoint: {{every: 750, keep: 1}}
validation: {{every: 1125, rows: 64}}   # all documents that are held out
log_every: 40
"""


def make_corpus(folder: Path, *, seed: int = 0) -> None:
    """Write `text/`, `glyphs/`, `speech.parquet`, `run.yaml` and `train.yaml` into `folder`.

    Paths in the two files are relative to `folder`. The bytes depend only on the seed, Python and its packages.
    Raises Refusal without the extra `demo`.
    """
    for module in ("espeakng_loader", "matplotlib"):
        if find_spec(module) is None:
            raise Refusal(f"The demo needs {module}, which is not installed. Run: pip install 'triptych[demo]'")
    write_text(folder / "text")
    write_glyphs(folder / "glyphs", seed=seed)
    write_speech(folder / "speech.parquet", seed=seed)
    (folder / "run.yaml").write_text(RUN_FILE.format(seed=seed), encoding="utf-8")
    (folder / "train.yaml").write_text(TRAIN_FILE.format(seed=seed), encoding="utf-8")
