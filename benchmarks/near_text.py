"""Near-duplicate texts: speed of signatures beside other libraries', and what of planted near duplicates is found.

    python -m benchmarks.near_text DOCS.jsonl.gz… [--megabytes 8] [--repeats 5] [--json]

The documents are the English ones of 1 to 8 kB. Signatures have 128 permutations over shingles of 5 words; every
contestant starts from the texts in memory, in one thread, and they take turns; rensa and datasketch have their shingles
from a regular expression. Contestants are measured if they are installed (datatrove 0.10.1 fails with xxhash 4):

    pip install datatrove spacy orjson datasketch rensa 'xxhash<4'
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import click
import pyarrow as pa

from triptych.pipelines.dedup.text.minhash import MinHash
from triptych.schemas.config.dedup import NearText

from .measure import cpu_seconds, show, spread
from .planted_texts import score
from .texts import read_texts, regex_shingles

PERMUTATIONS = 128
THRESHOLD = 0.7
Sign = Callable[[Sequence[str]], Any]


def triptych(texts: Sequence[str]) -> None:
    """What the pipeline does with a part."""
    MinHash(NearText(permutations=PERMUTATIONS)).sign(pa.chunked_array([pa.array(texts, pa.string())]))


def shingles_alone(texts: Sequence[str]) -> None:
    """What a signature by regular-expression shingles takes at least."""
    for text in texts:
        regex_shingles(text)


def rensa(texts: Sequence[str]) -> None:
    """Its signature over the whole set of shingles."""
    from rensa import RMinHash

    for text in texts:
        signature = RMinHash(PERMUTATIONS, 1)
        signature.update(regex_shingles(text))
        signature.digest()


def datasketch(texts: Sequence[str]) -> None:
    """Its signatures in bulk, with its default hash and scheme."""
    from datasketch import MinHash as Sketch

    Sketch.bulk(([shingle.encode() for shingle in regex_shingles(text)] for text in texts), num_perm=PERMUTATIONS)


def datatrove(texts: Sequence[str]) -> None:
    """The first step of its deduplication, with its default tokenizer, normalisation and hash."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from loguru import logger

    logger.disable("datatrove")
    with tempfile.TemporaryDirectory() as out:
        step = MinhashDedupSignature(out, MinhashConfig(num_buckets=16, hashes_per_bucket=PERMUTATIONS // 16))
        step.run(Document(text=text, id=str(number)) for number, text in enumerate(texts))


CONTESTANTS: dict[str, Sign] = {
    "triptych": triptych,
    "regular-expression shingles alone": shingles_alone,
    "rensa": rensa,
    "datasketch": datasketch,
    "datatrove": datatrove,
}


def speeds(texts: Sequence[str], repeats: int) -> tuple[dict[str, dict[str, float]], list[str]]:
    """MB per CPU second of each contestant, how many times as fast Triptych is, and who is missing."""
    library = {name: name for name in ("rensa", "datasketch", "datatrove")}
    missing = [name for name in library if find_spec(name) is None]
    present = {name: sign for name, sign in CONTESTANTS.items() if name not in missing}
    size = sum(len(text.encode()) for text in texts) / 1e6
    seconds: dict[str, list[float]] = {name: [] for name in present}
    for turn in range(repeats + 1):
        for name, sign in present.items():
            used = cpu_seconds(partial(sign, texts))
            if turn:  # the first turn imports and warms
                seconds[name].append(used)
    figures = {f"{name}, MB per CPU second": spread([size / used for used in taken]) for name, taken in seconds.items()}
    for name, taken in seconds.items():
        if name != "triptych":
            ratios = [theirs / ours for theirs, ours in zip(taken, seconds["triptych"], strict=True)]
            figures[f"triptych, times {name}"] = spread(ratios)
    return figures, missing


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--megabytes", default=8, show_default=True, help="Of text that is signed.")
@click.option("--repeats", default=5, show_default=True, help="Turns, and drawings of planted pairs.")
@click.option("--json", "as_json", is_flag=True)
def main(files: tuple[str, ...], megabytes: int, repeats: int, as_json: bool) -> None:
    """Measure on the English documents of FILES."""
    os.environ["RAYON_NUM_THREADS"] = "1"
    texts = read_texts(files, megabytes, 1000, 8000)
    figures, missing = speeds(texts, repeats)
    near = MinHash(NearText(threshold=THRESHOLD, permutations=PERMUTATIONS))
    scores = [score(texts, near, seed) for seed in range(repeats)]
    figures |= {name: spread([one[name] for one in scores]) for name in scores[0]}
    bands, rows = near.bands
    facts = {"texts": len(texts), "bands": bands, "rows": rows, "not installed": ", ".join(missing) or "none"}
    show("Near-duplicate texts", figures, facts, as_json)


if __name__ == "__main__":
    main()
