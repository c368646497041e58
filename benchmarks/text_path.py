"""`prepare`'s text path, end to end, beside raw SentencePiece encoding of the same text; Dask beside serial.

    python -m benchmarks.text_path DOCS.jsonl.gz… --model out/tokenizers/text [--megabytes 100] [--repeats 3] [--json]

End to end is read, check, tokenize, shuffle, pack, write, fsync and seal, in CPU seconds of the whole process. Raw is
one `encode` of a list of texts that is already in memory. Dask against serial is in wall seconds, start-up of the
cluster apart (it is given beside). Each turn measures all of them, one right after the other.
"""

import gzip
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import sentencepiece

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.prepare import prepare
from triptych.schemas.config.run import RunConfig

from .measure import cpu_seconds, show, spread


def write_corpus(files: tuple[str, ...], megabytes: int, out: Path) -> list[str]:
    """The first megabytes of text as several plain JSONL files, so that workers can share them; the texts."""
    texts: list[str] = []
    size, lines = 0, []
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            for line in stream:
                text = json.loads(line)["text"]
                if size >= megabytes * 1_000_000:
                    break
                texts.append(text)
                lines.append(json.dumps({"text": text}))
                size += len(text.encode())
    share = -(-len(lines) // 16)
    for index in range(0, len(lines), share):
        (out / f"{index:09d}.jsonl").write_text("\n".join(lines[index : index + share]))
    return texts


def run(corpus: Path, model: str, engine: dict[str, Any]) -> float:
    """Wall seconds of the steps of one `prepare` into a fresh folder."""
    with tempfile.TemporaryDirectory() as out:
        config = {
            "name": "benchmark",
            "out": out,
            "engine": engine,
            "sources": [
                {"name": "docs", "kind": "jsonl", "path": f"{corpus}/*.jsonl", "modality": "text", "text": "text"}
            ],
            "tokenizers": {"text": {"kind": "sentencepiece", "path": model}},
            "partition_bytes": 8_000_000,
            "pack": {"shard_bytes": 16_000_000},
        }
        journal = Journal()
        prepare(RunConfig.model_validate(config), journal)
        return sum(step.seconds for step in journal.steps)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--model", required=True, type=click.Path(exists=True), help="Folder with text.model.")
@click.option("--megabytes", default=100, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(files: tuple[str, ...], model: str, megabytes: int, repeats: int, as_json: bool) -> None:
    """Measure on the text of FILES."""
    raw_cpu, ours_cpu, serial, dask, start = [], [], [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch)
        texts = write_corpus(files, megabytes, corpus)
        size = sum(len(text.encode()) for text in texts) / 1e6
        processor = sentencepiece.SentencePieceProcessor(model_file=str(Path(model) / "text.model"))
        for _ in range(repeats):
            raw_cpu.append(cpu_seconds(lambda: processor.encode(texts, num_threads=1)))
            ours_cpu.append(cpu_seconds(lambda: serial.append(run(corpus, model, {"kind": "serial"}))))
            before = time.perf_counter()
            dask.append(run(corpus, model, {"kind": "dask", "workers": 2}))
            start.append(time.perf_counter() - before - dask[-1])
    figures = {
        "sentencepiece, MB per CPU second": spread([size / seconds for seconds in raw_cpu]),
        "triptych end to end, MB per CPU second": spread([size / seconds for seconds in ours_cpu]),
        "ratio, end to end to raw": spread([a / b for a, b in zip(raw_cpu, ours_cpu, strict=True)]),
        "serial, wall seconds": spread(serial),
        "dask with 2 workers, wall seconds": spread(dask),
        "speed-up": spread([a / b for a, b in zip(serial, dask, strict=True)]),
        "cluster start and stop, wall seconds": spread(start),
    }
    show("Text path", figures, {"megabytes": round(size, 1), "texts": len(texts), "turns": repeats}, as_json)


if __name__ == "__main__":
    main()
