"""`prepare`'s text path beside datatrove's tokenize-and-write: the same text, the same tokenizer.json, one process.

    python -m benchmarks.against_datatrove DOCS.jsonl.gz… [--megabytes 20] [--repeats 3] [--json]

Both read JSONL and write token files; Triptych also packs rows, keeps a ledger and seals. The tokenizer is a byte-level
BPE trained on the text, the family that datatrove's users have; Triptych's default, SentencePiece BPE, stands beside.
Needs `pip install datatrove orjson`, in an environment of its own.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import tokenizers

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.prepare import prepare
from triptych.schemas.config.run import RunConfig
from triptych.schemas.config.tokenizers import SentencePieceConfig
from triptych.tokenizers.text.sentencepiece_train import train_sentencepiece

from .measure import cpu_seconds, show, spread
from .text_path import write_corpus


def train_bpe(texts: list[str], file: Path) -> None:
    """A byte-level BPE of 8,000 pieces, saved as tokenizer.json."""
    model = tokenizers.ByteLevelBPETokenizer()
    model.train_from_iterator(texts, vocab_size=8000, special_tokens=["<eos>"], show_progress=False)
    model.save(str(file))


def datatrove(corpus: Path, tokenizer: Path) -> None:
    """Datatrove's reader and DocumentTokenizer in this process."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.tokens import DocumentTokenizer

    with tempfile.TemporaryDirectory() as out:
        steps: list[Any] = [
            JsonlReader(str(corpus), glob_pattern="*.jsonl"),
            DocumentTokenizer(f"{out}/tokens", str(tokenizer), eos_token="<eos>", local_working_dir=f"{out}/work"),
        ]
        LocalPipelineExecutor(steps, tasks=1, workers=1, logging_dir=f"{out}/logs").run()


def triptych(corpus: Path, tokenizer: dict[str, str]) -> None:
    """`prepare` with the serial engine."""
    with tempfile.TemporaryDirectory() as out:
        source = {"name": "docs", "kind": "jsonl", "path": f"{corpus}/*.jsonl", "modality": "text", "text": "text"}
        config: dict[str, Any] = {"name": "benchmark", "out": out, "engine": {"kind": "serial"}, "sources": [source]}
        prepare(RunConfig.model_validate(config | {"tokenizers": {"text": tokenizer}}), Journal())


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--megabytes", default=20, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(files: tuple[str, ...], megabytes: int, repeats: int, as_json: bool) -> None:
    """Measure on the text of FILES."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with tempfile.TemporaryDirectory() as scratch:
        corpus, models = Path(scratch, "corpus"), Path(scratch, "models")
        corpus.mkdir()
        models.mkdir()
        texts = write_corpus(files, megabytes, corpus)
        size = sum(len(text.encode()) for text in texts) / 1e6
        train_bpe(texts, models / "tokenizer.json")
        train_sentencepiece(texts, SentencePieceConfig(), models, seed=0)
        bpe = {"kind": "huggingface", "path": str(models / "tokenizer.json")}
        pieces = {"kind": "sentencepiece", "path": str(models / "text.model")}
        contestants: dict[str, Callable[[], None]] = {
            "datatrove, tokenizer.json": lambda: datatrove(corpus, models / "tokenizer.json"),
            "triptych, tokenizer.json": lambda: triptych(corpus, bpe),
            "triptych, SentencePiece": lambda: triptych(corpus, pieces),
        }
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        for turn in range(repeats + 1):
            for name, action in contestants.items():
                used = cpu_seconds(action)
                if turn:  # the first turn imports and warms
                    seconds[name].append(used)
    theirs = seconds["datatrove, tokenizer.json"]
    figures = {f"{name}: MB per CPU second": spread([size / used for used in ours]) for name, ours in seconds.items()}
    figures |= {
        f"{name}: times datatrove": spread([a / b for a, b in zip(theirs, ours, strict=True)])
        for name, ours in seconds.items()
        if name.startswith("triptych")
    }
    show("Tokenize and write", figures, {"megabytes": round(size, 1), "texts": len(texts), "turns": repeats}, as_json)


if __name__ == "__main__":
    main()
