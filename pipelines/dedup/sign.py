"""The small tables for deduplication: a key and signatures of the content of each row.

`Sign` computes them while the rows stay where they are. After a shuffle by key, `Distinct` numbers the distinct
contents: a *vertex* is the number of a bucket (high 32 bits) and an index within it (low 32 bits).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.config.dedup import AudioDedup, ImageDedup, TextDedup
from ...schemas.config.run import Limits
from ...schemas.dataset.tables import DROPPED
from ...schemas.vocabulary import Modality
from ...tokenizers.decoding import decoding_identity
from ..engines.partition import Outcome
from ..engines.shuffle import bucket_of
from .protocol import NearMethod

SIGN_VERSION = 1
EXCERPT = 160  # characters of a row's text in reports
ORIGIN = ("id", "source", "file", "row", "part")

DedupOptions = TextDedup | ImageDedup | AudioDedup


def exact_keys(values: pa.ChunkedArray, options: DedupOptions, limits: Limits) -> tuple[pa.Array, Any]:
    """Compute the keys by which exact duplicates are found, and the sizes of the values.

    Returns:
        (n,) 16-byte keys, null where a value cannot be read; (n,) sizes in UTF-8 bytes, pixels or samples. Of two
        duplicates the larger is kept.
    """
    if isinstance(options, TextDedup):
        from .text.exact import text_keys

        return text_keys(values, options), pc.binary_length(values).cast(pa.int64())
    if isinstance(options, ImageDedup):
        from .image.exact import image_keys

        return image_keys(values)
    from .audio.exact import audio_keys

    return audio_keys(values, limits.seconds)


def near_methods(options: DedupOptions, limits: Limits) -> tuple[NearMethod, ...]:
    """Return the near-duplicate methods that the run file selects."""
    if isinstance(options, TextDedup):
        from .text.minhash import MinHash

        return (MinHash(options.near),) if options.near else ()
    if isinstance(options, ImageDedup):
        from .image.near import PerceptualHash
        from .image.semantic import SemanticNear

        nears: list[NearMethod] = []
        if options.near:
            nears.append(PerceptualHash(options.near, limits.pixels))
        if options.semantic:
            nears.append(SemanticNear(options.semantic, limits.pixels))
        return tuple(nears)
    from .audio.near import Fingerprint

    return (Fingerprint(limits.seconds),) if options.near else ()


def sign_values(values: pa.ChunkedArray, options: DedupOptions, limits: Limits) -> tuple[pa.Array, Any, list[pa.Array]]:
    """Compute keys and sizes as `exact_keys` does, and the signatures of every near-duplicate method, in order."""
    nears = near_methods(options, limits)
    if isinstance(options, ImageDedup) and options.near:
        from .image.near import PerceptualHash

        keys, sizes, signatures = PerceptualHash(options.near, limits.pixels).sign_with_keys(values)
        return keys, sizes, [signatures, *(near.sign(values) for near in nears[1:])]
    return *exact_keys(values, options, limits), [near.sign(values) for near in nears]


@dataclass(frozen=True)
class Sign:
    """Computes keys and signatures of one modality; rows that cannot be read are left to later stages."""

    modality: Modality
    options: DedupOptions
    limits: Limits
    counted: bool = False

    @property
    def name(self) -> str:
        """Name of the stage; each modality has its own folder of parts."""
        return f"sign-{self.modality.name.lower()}"

    def identity(self) -> list[Any]:
        """Version, settings of exact and near comparison, limits and decoders."""
        nears = [near.identity() for near in near_methods(self.options, self.limits)]
        exact = self.options.identity_body({"near", "semantic"})
        return [SIGN_VERSION, exact, nears, self.limits.identity_body(), *decoding_identity(self.modality)]

    def run(self, table: pa.Table) -> Outcome:
        """Return one row per readable row: origin, excerpt, `key`, `size`, and signatures `near0`, `near1` …"""
        values = table[self.modality.name.lower()]
        keys, sizes, signatures = sign_values(values, self.options, self.limits)
        columns = {name: table[name] for name in ORIGIN}
        columns |= {"excerpt": pc.utf8_slice_codeunits(table["text"], 0, EXCERPT), "key": keys, "size": sizes}
        columns |= {f"near{number}": signature for number, signature in enumerate(signatures)}
        signed = pa.table(columns)
        signed = signed.filter(pc.is_valid(signed["key"]))
        return Outcome(signed, DROPPED.empty_table(), note={"bytes": signed.nbytes})


@dataclass(frozen=True)
class Distinct:
    """Numbers the distinct keys of a bucket; rows come sorted by (key, id)."""

    buckets: int
    name: str = "distinct"
    counted: bool = False

    def identity(self) -> list[Any]:
        """Version and number of buckets."""
        return [SIGN_VERSION, self.buckets]

    def run(self, table: pa.Table) -> Outcome:
        """Add the columns `first` (True for the first row with its key) and `vertex`."""
        key = table["key"].combine_chunks()
        first = np.r_[True, np.asarray(pc.not_equal(key.slice(1), key.slice(0, len(key) - 1)))]
        bucket = bucket_of(table["key"].slice(0, 1), self.buckets)[0]
        vertex = (np.uint64(bucket) << np.uint64(32)) | (np.cumsum(first) - 1).astype(np.uint64)
        table = table.append_column("first", pa.array(first)).append_column("vertex", pa.array(vertex))
        return Outcome(table, DROPPED.empty_table(), note={"bucket": int(bucket), "distinct": int(first.sum())})
