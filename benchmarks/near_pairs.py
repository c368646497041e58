"""The pairs that are near duplicates, by the steps of the pipeline but without its engine: keys, candidates, test."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from triptych.pipelines.dedup.candidates import PAIRS
from triptych.pipelines.dedup.protocol import Ints, NearMethod


class Found(NamedTuple):
    """Pairs of values by their numbers, the lesser on the left; of each, whether it passed the test."""

    left: Ints
    right: Ints
    alike: np.ndarray
    keys: int


def find_pairs(near: NearMethod, signatures: pa.Array) -> Found:
    """All candidate pairs, each once."""
    owners = np.flatnonzero(signatures.is_valid().to_numpy(zero_copy_only=False))
    signatures = signatures.drop_null()
    keyed = near.keys(signatures)
    order = np.lexsort((keyed.owner, keyed.key))
    places = near.pairs(keyed.key[order], keyed.sketch[order])
    pairs = np.unique(np.sort(np.stack([keyed.owner[order][place] for place in places], axis=1), axis=1), axis=0)
    left, right = pairs[pairs[:, 0] < pairs[:, 1]].T
    pieces = [slice(start, start + PAIRS) for start in range(0, len(left), PAIRS)]
    alike = [near.alike(signatures.take(pa.array(left[it])), signatures.take(pa.array(right[it]))) for it in pieces]
    return Found(owners[left], owners[right], np.concatenate([np.empty(0, bool), *alike]), len(keyed.key))
