"""Which documents other libraries join as near duplicates, by their own steps, and the shingles that they look at."""

import struct
import tempfile
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

Edges = list[tuple[int, int]]


class Peer(NamedTuple):
    """What a library joins, and the set of shingles of a text as it sees it."""

    edges: Edges
    shingles: Callable[[str], set[Hashable]]


def datatrove(texts: Sequence[str], bands: int, rows: int, words: int) -> Peer:
    """Signatures and buckets; two texts are joined if they are neighbours with one signature in a bucket."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets, MinhashDedupSignature
    from loguru import logger

    logger.disable("datatrove")
    config = MinhashConfig(n_grams=words, num_buckets=bands, hashes_per_bucket=rows)
    edges: Edges = []
    with tempfile.TemporaryDirectory() as out:
        signer = MinhashDedupSignature(f"{out}/signatures", config)
        signer.run(Document(text=text, id=str(number)) for number, text in enumerate(texts))
        for bucket in range(bands):
            MinhashDedupBuckets(f"{out}/signatures", f"{out}/pairs", config=config).run(None, bucket, bands)
        for file in sorted(Path(out, "pairs").glob("*.dups")):
            edges += [(one, other) for _, one, _, other in struct.iter_unpack("<4I", file.read_bytes())]
    return Peer(edges, lambda text: set(signer.get_shingles(text).ravel().tolist()))


def text_dedup(texts: Sequence[str], bands: int, rows: int, words: int) -> Peer:
    """Signatures with its default hash; every text of a band's hash is joined to the first one, as its script does."""
    from text_dedup.minhash import NON_ALPHA, RNG, SIGNATURE_COLUMN, embed_func, ngrams, sha1_hash

    prime, count = np.uint64((1 << 61) - 1), bands * rows
    factors = RNG.randint(1, prime, size=count, dtype=np.uint64), RNG.randint(0, prime, size=count, dtype=np.uint64)
    tables: list[defaultdict[bytes, list[int]]] = [defaultdict(list) for _ in range(bands)]
    for number, text in enumerate(texts):
        signature = embed_func(
            text,
            number,
            num_perm=count,
            ngram_size=words,
            min_length=words,
            hashranges=[(start, start + rows) for start in range(0, count, rows)],
            permutations=factors,
            hash_func=lambda data: sha1_hash(data, d=32),
            dtype=np.uint64,
            max_hash=np.uint32((1 << 32) - 1),
            modulo_prime=prime,
        )
        for table, band in zip(tables, signature[SIGNATURE_COLUMN], strict=True):
            table[band].append(number)
    edges = [(row[0], other) for table in tables for row in table.values() for other in row[1:]]
    return Peer(edges, lambda text: set(ngrams(NON_ALPHA.split(text.lower()), words, words)))
