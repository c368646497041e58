"""The demo's corpus: three small real sources and a run file, from installed packages alone."""

from importlib.util import find_spec
from pathlib import Path

from ...schemas.errors import Refusal
from .glyphs import write_glyphs
from .speech import write_speech
from .text import write_text

RUN_FILE = """\
name: demo
out: dataset                      # beside this file; any fsspec URL would do
seed: {seed}
row_length: 512
engine: {{kind: dask, workers: 2}}
sources:
  - {{name: docs,   kind: jsonl,      path: "text/*.jsonl.gz", modality: text,       text: text}}
  - {{name: glyphs, kind: webdataset, path: "glyphs/*.tar",    modality: image-text, image: png, text: txt}}
  - {{name: speech, kind: parquet,    path: "speech.parquet",  modality: audio-text, audio: audio, text: text}}
tokenizers:
  text:  {{kind: sentencepiece, vocab_size: 2000, sample_bytes: 2000000}}
  image: {{kind: vq, size: 64, downsample: 8, codes: 512, steps: 200}}               # 64 tokens a picture
  audio: {{kind: rvq, sample_rate: 16000, levels: 4, codes: 512, steps: 120}}        # 200 tokens a second
partition_bytes: 2000000
"""


def make_corpus(folder: Path, *, seed: int = 0) -> None:
    """Write `text/`, `glyphs/`, `speech.parquet` and `run.yaml` into `folder`; paths in run.yaml start from there.

    The same bytes for the same seed, Python and installed packages. Raises Refusal without the extra `demo`.
    """
    for module in ("espeakng_loader", "matplotlib"):
        if find_spec(module) is None:
            raise Refusal(f"The demo needs {module}, which is not installed. Run: pip install 'triptych[demo]'")
    write_text(folder / "text")
    write_glyphs(folder / "glyphs", seed=seed)
    write_speech(folder / "speech.parquet", seed=seed)
    (folder / "run.yaml").write_text(RUN_FILE.format(seed=seed), encoding="utf-8")
