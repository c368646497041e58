"""Near duplicates planted among real documents: how many are found, and how many of those found are near duplicates."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from triptych.pipelines.dedup.protocol import NearMethod
from triptych.pipelines.dedup.text.minhash import MinHash

from .texts import exact_shingles, jaccard

NEAR, FAR = 0.8, 0.6  # a planted pair from NEAR has to be found; a pair found below FAR is false

Words = list[str]
Edit = Callable[[Words, Words, np.random.Generator], Words]


def swap(words: Words, _: Words, draw: np.random.Generator) -> Words:
    """Up to one word in twenty changes places with another."""
    edited = words.copy()
    for one, other in draw.integers(0, len(words), (draw.integers(1, 2 + len(words) // 40), 2)).tolist():
        edited[one], edited[other] = edited[other], edited[one]
    return edited


def insert(words: Words, strange: Words, draw: np.random.Generator) -> Words:
    """Up to one word in thirty is followed by up to five strange ones."""
    edited = words.copy()
    for at in sorted(draw.integers(0, len(words), draw.integers(1, 2 + len(words) // 30)).tolist(), reverse=True):
        start = int(draw.integers(0, len(strange)))
        edited[at:at] = strange[start : start + int(draw.integers(1, 6))]
    return edited


def truncate(words: Words, _: Words, draw: np.random.Generator) -> Words:
    """At most half of the text is cut from its end."""
    return words[: int(len(words) * draw.uniform(0.5, 1))]


def add_boilerplate(words: Words, strange: Words, draw: np.random.Generator) -> Words:
    """A stretch of another document, of at most half the length, comes before or after."""
    notice = strange[: int(len(words) * draw.uniform(0, 0.5))]
    return notice + words if draw.integers(2) else words + notice


EDITS: dict[str, Edit] = {
    "word swaps": swap,
    "insertions": insert,
    "truncation": truncate,
    "boilerplate": add_boilerplate,
}


def plant(texts: Sequence[str], seed: int) -> tuple[list[str], list[str]]:
    """Every text edited in one way, and the name of the edit."""
    draw = np.random.default_rng(seed)
    edited, names = [], []
    for number, text in enumerate(texts):
        name = list(EDITS)[(number + seed) % len(EDITS)]
        strange = texts[int(draw.integers(len(texts)))].split(" ")
        edited.append(" ".join(EDITS[name](text.split(" "), strange, draw)))
        names.append(name)
    return edited, names


def found_pairs(texts: Sequence[str], near: NearMethod) -> set[tuple[int, int]]:
    """Pairs that are edges, by the steps of the pipeline: signatures, keys, candidates, test."""
    signatures = near.sign(pa.chunked_array([pa.array(texts, pa.string())]))
    owners = np.flatnonzero(signatures.is_valid().to_numpy(zero_copy_only=False))
    signatures = signatures.drop_null()
    keyed = near.keys(signatures)
    order = np.lexsort((keyed.owner, keyed.key))
    places = near.pairs(keyed.key[order], keyed.sketch[order])
    pairs = np.unique(np.sort(np.stack([keyed.owner[order][place] for place in places], axis=1), axis=1), axis=0)
    left, right = pairs[pairs[:, 0] < pairs[:, 1]].T
    alike = near.alike(signatures.take(pa.array(left)), signatures.take(pa.array(right)))
    return set(zip(owners[left[alike]].tolist(), owners[right[alike]].tolist(), strict=True))


def score(texts: Sequence[str], near: MinHash, seed: int) -> dict[str, float]:
    """Recall of planted pairs, in all and by edit; precision of all pairs found, also of those nobody planted."""
    edited, names = plant(texts, seed)
    shingles = [exact_shingles(text, near.config.words) for text in [*texts, *edited]]
    found = found_pairs([*texts, *edited], near)
    count = len(texts)
    near_ones = [at for at in range(count) if jaccard(shingles[at], shingles[at + count]) >= NEAR]
    hit = {at for at in near_ones if (at, at + count) in found}
    false = [pair for pair in found if jaccard(shingles[pair[0]], shingles[pair[1]]) < FAR]
    figures = {
        "planted pairs from .8": float(len(near_ones)),
        "recall": len(hit) / len(near_ones),
        "pairs found": float(len(found)),
        "precision": 1 - len(false) / len(found),
    }
    for name in EDITS:
        mine = [at for at in near_ones if names[at] == name]
        figures[f"recall, {name}"] = len(hit.intersection(mine)) / len(mine)
    return figures
