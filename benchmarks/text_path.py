"""`prepare`'s text path, end to end, beside raw SentencePiece encoding of the same text; Dask beside serial.

    python -m benchmarks.text_path [FILES] [--megabytes 100] [--repeats 5] [--unigram MODEL --bpe MODEL] [--dask]

FILES are .jsonl, .jsonl.gz or .txt; by default corpora/docs/*.jsonl.gz, which `python -m benchmarks.corpora make
corpora --only docs` builds. Without models, both are trained on the text first.

End to end is read, check, tokenize by BPE, shuffle, pack, write, fsync and seal, in CPU seconds of the whole process.
Raw is one `encode` of a list of texts that is already in memory. Each turn measures all of them, one right after the
other, and the ratios are of the measurements of one turn. With --dask, Dask against serial is in wall seconds, start-up
of the cluster apart (it is given beside).
"""

import gzip
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from glob import glob
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import sentencepiece

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.prepare import prepare
from triptych.schemas.config.run import RunConfig
from triptych.schemas.config.tokenizers import SentencePieceConfig
from triptych.tokenizers.text.gigatoken_encoder import encode_column, encoder_name
from triptych.tokenizers.text.sentencepiece_text import MODEL_FILE, SentencePieceText
from triptych.tokenizers.text.sentencepiece_train import train_sentencepiece

from .measure import cpu_seconds, show, spread

DOCS = "corpora/docs/*.jsonl.gz"
SMALL = {"partition_bytes": 8_000_000, "pack": {"shard_bytes": 16_000_000}}  # so that two workers have enough to share
CHARACTERS = 2000  # of a text from a .txt file, about


def texts_of(files: Sequence[str]) -> Iterator[str]:
    """The texts of JSON lines or of plain text files, which are cut at lines."""
    for file in files or sorted(glob(DOCS)):
        opener: Any = gzip.open if file.endswith(".gz") else open
        with opener(file, "rt", encoding="utf-8") as stream:
            if not file.endswith(".txt"):
                yield from (json.loads(line)["text"] for line in stream)
                continue
            while text := "".join(stream.readlines(CHARACTERS)):
                yield text


def write_corpus(files: Sequence[str], megabytes: float, out: Path) -> list[str]:
    """The first megabytes of text as several plain JSONL files, so that workers can share them; the texts."""
    texts: list[str] = []
    size = 0
    for text in texts_of(files):
        if size >= megabytes * 1_000_000:
            break
        texts.append(text)
        size += len(text.encode())
    if not texts:
        raise click.UsageError(f"no text; give FILES, or build {DOCS}: python -m benchmarks.corpora make corpora")
    share = -(-len(texts) // 16)
    for index in range(0, len(texts), share):
        lines = [json.dumps({"text": text}) for text in texts[index : index + share]]
        (out / f"{index:09d}.jsonl").write_text("\n".join(lines))
    return texts


def run(corpus: Path, tokenizer: dict[str, str], engine: dict[str, Any], sizes: dict[str, Any] | None = None) -> float:
    """Wall seconds of the steps of one `prepare` into a fresh folder."""
    with tempfile.TemporaryDirectory() as out:
        source = {"name": "docs", "kind": "jsonl", "path": f"{corpus}/*.jsonl", "modality": "text", "text": "text"}
        config: dict[str, Any] = {"name": "benchmark", "out": out, "engine": engine, "sources": [source]}
        config |= {"tokenizers": {"text": tokenizer}} | (sizes or {})
        journal = Journal()
        prepare(RunConfig.model_validate(config), journal)
        return sum(step.seconds for step in journal.steps)


def model_of(kind: str, given: str | None, texts: list[str], scratch: Path) -> Path:
    """The file of a model: the given one, or one trained on the texts."""
    if given:
        return Path(given)
    train_sentencepiece(texts, SentencePieceConfig.model_validate({"model": kind}), scratch / kind, seed=0)
    return scratch / kind / MODEL_FILE


def measure_cpu(texts: list[str], corpus: Path, unigram: Path, bpe: Path, repeats: int) -> dict[str, list[float]]:
    """CPU seconds of every contestant, turn by turn."""
    processors = {file: sentencepiece.SentencePieceProcessor(model_file=str(file)) for file in (unigram, bpe)}
    ours, column = SentencePieceText(str(bpe)), pa.array(texts, pa.string())
    contestants: dict[str, Callable[[], Any]] = {
        "SentencePiece unigram": lambda: processors[unigram].encode(texts, num_threads=1),
        "SentencePiece BPE": lambda: processors[bpe].encode(texts, num_threads=1),
        f"{encoder_name(ours, fast=True)}, the same BPE": lambda: encode_column(ours, column, fast=True),
        "triptych end to end, BPE": lambda: run(
            corpus, {"kind": "sentencepiece", "path": str(bpe)}, {"kind": "serial"}
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    contestants["triptych end to end, BPE"]()  # imports and warms
    for turn in range(repeats):
        # who goes first alternates: the second finds warmer caches
        for name in list(contestants)[:: 1 if turn % 2 == 0 else -1]:
            seconds[name].append(cpu_seconds(contestants[name]))
    return seconds


def measure_dask(corpus: Path, bpe: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Wall seconds of the serial engine and of Dask with two workers."""
    tokenizer = {"kind": "sentencepiece", "path": str(bpe)}
    serial, dask, start = [], [], []
    for _ in range(repeats):
        serial.append(run(corpus, tokenizer, {"kind": "serial"}, SMALL))
        before = time.perf_counter()
        dask.append(run(corpus, tokenizer, {"kind": "dask", "workers": 2}, SMALL))
        start.append(time.perf_counter() - before - dask[-1])
    return {
        "serial, wall seconds": spread(serial),
        "dask with 2 workers, wall seconds": spread(dask),
        "speed-up": spread([a / b for a, b in zip(serial, dask, strict=True)]),
        "cluster start and stop, wall seconds": spread(start),
    }


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True))
@click.option("--unigram", type=click.Path(exists=True), help="A unigram .model file; default: trained on the text.")
@click.option("--bpe", type=click.Path(exists=True), help="A BPE .model file; default: trained on the text.")
@click.option("--megabytes", default=100.0, show_default=True)
@click.option("--repeats", default=5, show_default=True)
@click.option("--dask", is_flag=True, help="Also compare Dask with the serial engine.")
@click.option("--json", "as_json", is_flag=True)
def main(
    files: tuple[str, ...],
    unigram: str | None,
    bpe: str | None,
    megabytes: float,
    repeats: int,
    dask: bool,
    as_json: bool,
) -> None:
    """Measure on the text of FILES."""
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch, "corpus")
        corpus.mkdir()
        texts = write_corpus(files, megabytes, corpus)
        size = sum(len(text.encode()) for text in texts) / 1e6
        unigram_file = model_of("unigram", unigram, texts, Path(scratch))
        bpe_file = model_of("bpe", bpe, texts, Path(scratch))
        seconds = measure_cpu(texts, corpus, unigram_file, bpe_file, repeats)
        figures = {f"{name}: MB per CPU second": spread([size / s for s in used]) for name, used in seconds.items()}
        whole = seconds["triptych end to end, BPE"]
        for name in ("SentencePiece unigram", "SentencePiece BPE"):
            figures[f"end to end: times {name}"] = spread([a / b for a, b in zip(seconds[name], whole, strict=True)])
        figures |= measure_dask(corpus, bpe_file, repeats) if dask else {}
    show("Text path", figures, {"megabytes": round(size, 1), "texts": len(texts), "turns": repeats}, as_json)


if __name__ == "__main__":
    main()
