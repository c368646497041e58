import pickle

import numpy as np
import pyarrow as pa
import pytest
import xxhash

from triptych.pipelines.dedup.protocol import NearMethod
from triptych.pipelines.dedup.text.minhash import MinHash
from triptych.schemas.config.dedup import NearText

WORDS = [f"{a}{b}" for a in ("ka", "lo", "mi", "nu", "re", "sta") for b in ("ba", "do", "fi", "gu", "ne", "pra", "t")]
TEXT = "The quick brown fox jumps over the lazy dog; a second sentence follows, and 漢字 end it."


def column(*texts: str) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(texts, pa.string())])


def candidates(near: NearMethod, signatures: pa.Array) -> set[tuple[int, int]]:
    """Pairs of signatures that are edges, found as the pipeline finds them."""
    keyed = near.keys(signatures)
    order = np.lexsort((keyed.owner, keyed.key))
    left, right = near.pairs(keyed.key[order], keyed.sketch[order])
    left, right = keyed.owner[order][left], keyed.owner[order][right]
    alike = near.alike(signatures.take(pa.array(left)), signatures.take(pa.array(right)))
    return {(min(pair), max(pair)) for pair in zip(left[alike].tolist(), right[alike].tolist(), strict=True)}


def jaccard(one: str, other: str, n: int = 5) -> float:
    left, right = (
        {tuple(words[at : at + n]) for at in range(len(words) - n + 1)} for words in (one.split(), other.split())
    )
    return len(left & right) / len(left | right)


def planted(rng: np.random.Generator, swaps: int, length: int = 300) -> tuple[str, str]:
    words = rng.choice(WORDS, length)
    edited = words.copy()
    edited[rng.choice(length, swaps, replace=False)] = "other"
    return " ".join(words), " ".join(edited)


@pytest.mark.parametrize("length", [12, 60, 300])
def test_estimates_are_those_of_the_exact_similarity(length: int) -> None:
    rng = np.random.default_rng(length)
    pairs = [planted(rng, max(1, length // 40), length) for _ in range(300)]
    near = MinHash(NearText())
    left, right = (near.sign(column(*texts)) for texts in zip(*pairs, strict=True))
    agreement = np.equal(*(side.flatten().to_numpy().reshape(-1, 128) for side in (left, right))).mean(axis=1)
    error = agreement - [jaccard(*pair) for pair in pairs]
    assert abs(error.mean()) < 4 * np.sqrt(0.25 / 128 / 300)
    assert error.std() < np.sqrt(0.25 / 128)


def test_alike_texts_are_found_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    pairs = [planted(rng, swaps) for swaps in (0, 3, 25) for _ in range(100)]
    exact = [jaccard(*pair) for pair in pairs]
    assert min(exact[100:200]) > 0.8
    assert max(exact[200:]) < 0.6
    near = MinHash(NearText(threshold=0.7))
    signatures = near.sign(column(*(text for pair in pairs for text in pair)))
    assert candidates(near, signatures) == {(2 * pair, 2 * pair + 1) for pair in range(200)}


def test_a_threshold_is_met_by_just_as_much_agreement() -> None:
    rows = pa.array([list(range(100)), [*range(80), *range(20)], [*range(79), *range(21)]], pa.list_(pa.uint32(), 100))
    near = MinHash(NearText(threshold=0.8, permutations=100))
    assert near.alike(rows.take([0, 0]), rows.take([1, 2])).tolist() == [True, False]


def test_signatures_depend_on_no_neighbour_slice_or_chunk() -> None:
    near = MinHash(NearText())
    texts = [TEXT, "", "short", "x " * 600_000, TEXT.upper(), "漢字" * 30]
    whole = near.sign(column(*texts))
    array = pa.array(["before", *texts, "after"]).slice(1, 6)
    assert near.sign(pa.chunked_array([array.slice(0, 2), array.slice(2, 0), array.slice(2)])).equals(whole)
    assert pa.concat_arrays([near.sign(column(text)) for text in texts]).equals(whole)
    assert whole[0] == whole[4]


def test_texts_without_a_word_cannot_be_judged() -> None:
    near = MinHash(NearText(permutations=16))
    assert near.sign(column("", " … ", "a", "--")).is_null().to_pylist() == [True, True, False, True]
    assert near.sign(pa.chunked_array([], pa.string())).type == near.sign(column("a")).type


def test_no_signatures_have_no_keys_and_no_pairs() -> None:
    near = MinHash(NearText())
    none = near.sign(column(""))[:0]
    assert candidates(near, none) == set()
    assert len(near.keys(none).key) == 0


def test_a_key_is_that_of_a_band_and_of_what_is_in_it() -> None:
    near = MinHash(NearText(threshold=0.7))
    bands, rows = near.bands
    signature = np.zeros((3, 128), np.uint32)
    signature[1, rows * 2] = 1  # in the third band alone
    signature[2, bands * rows :] = 1  # in none
    keyed = near.keys(pa.FixedSizeListArray.from_arrays(signature.ravel(), 128))
    first, second, third = keyed.key.reshape(3, bands)
    assert keyed.owner.tolist() == np.repeat([0, 1, 2], bands).tolist()
    assert len(set(first.tolist())) == bands
    assert np.flatnonzero(first != second).tolist() == [2]
    assert np.array_equal(first, third)


def test_what_is_signed_changes_only_with_the_version() -> None:
    near = MinHash(NearText())
    signatures = near.sign(column(TEXT, "short", TEXT * 40)).flatten().to_numpy()
    keys = near.keys(near.sign(column(TEXT))).key
    signed = xxhash.xxh3_64_hexdigest(signatures.tobytes() + keys.tobytes())
    assert (near.identity()[0], signed) == (1, "ae2fd7ac1a87d056")


def test_it_is_told_apart_by_every_setting_and_travels() -> None:
    settings = [{}, {"threshold": 0.7}, {"words": 4}, {"permutations": 64}]
    identities = [str(MinHash(NearText.model_validate(setting)).identity()) for setting in settings]
    assert len(set(identities)) == len(settings)
    near = MinHash(NearText())
    assert pickle.loads(pickle.dumps(near)) == near
    assert near.column == "text"
