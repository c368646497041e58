"""Vectors that are near are found by hyperplanes and judged by their cosine."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from PIL import Image

from triptych.pipelines.dedup.image.semantic import SemanticNear, sketch_radius, tables_of
from triptych.pipelines.dedup.signature import pack, unpack
from triptych.schemas.config.dedup import SemanticImage

from ....tokenizers.image.tiny_clip import save_clip

LIMIT = 1_000_000
Floats = npt.NDArray[np.float64]


def near(path: object = "unused", threshold: float = 0.95) -> SemanticNear:
    return SemanticNear(SemanticImage(path=str(path), threshold=threshold), LIMIT)


def packed(vectors: Floats) -> pa.FixedSizeBinaryArray:
    return pack(vectors.astype(np.float16), np.ones(len(vectors), bool))


def cone(count: int, width: int, seed: int = 0) -> Floats:
    """Unit vectors with a mean cosine of a half, as CLIP's are."""
    draw = np.random.default_rng(seed)
    vectors = draw.normal(size=(count, width)) + draw.normal(size=width)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def turned(vectors: Floats, cosine: float, seed: int = 1) -> Floats:
    """Unit vectors at that cosine from each."""
    aside = np.random.default_rng(seed).normal(size=vectors.shape)
    aside -= (aside * vectors).sum(1, keepdims=True) * vectors
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    return np.asarray(cosine * vectors + np.sqrt(1 - cosine**2) * aside)


def found(way: SemanticNear, vectors: Floats) -> set[tuple[int, int]]:
    signatures = packed(vectors)
    keyed = way.keys(signatures)
    order = np.argsort(keyed.key, kind="stable")
    left, right = way.pairs(keyed.key[order], keyed.sketch[order])
    ends = np.unique(np.sort(np.stack([keyed.owner[order][left], keyed.owner[order][right]]), axis=0), axis=1)
    ends = ends[:, ends[0] != ends[1]]
    alike = way.alike(signatures.take(pa.array(ends[0])), signatures.take(pa.array(ends[1])))
    return set(zip(ends[0, alike].tolist(), ends[1, alike].tolist(), strict=True))


@pytest.mark.parametrize("threshold", [0.85, 0.95, 0.98])
def test_pairs_above_the_threshold_are_found_and_none_below(threshold: float) -> None:
    base = cone(300, 256)
    above = found(near(threshold=threshold), np.concatenate([base, turned(base, threshold + 0.005)]))
    planted = {(index, 300 + index) for index in range(300)}
    assert above <= planted
    assert len(above) >= 0.97 * 300
    assert found(near(threshold=threshold), np.concatenate([base, turned(base, threshold - 0.01)])) == set()


def test_tables_follow_from_the_threshold() -> None:
    assert [tables_of(threshold) for threshold in (0.9, 0.95, 0.99)] == sorted(
        [tables_of(threshold) for threshold in (0.9, 0.95, 0.99)], reverse=True
    )
    for threshold in (0.8, 0.95, 0.99):
        agree = (1 - np.arccos(threshold) / np.pi) ** 16
        assert 1 - (1 - agree) ** tables_of(threshold) >= 0.99
        assert 0 < sketch_radius(threshold) < 32


def test_keys_depend_on_the_vector_alone() -> None:
    vectors = packed(cone(100, 64))
    keyed, few = near().keys(vectors), near().keys(vectors.slice(30, 5))
    mine = (keyed.owner >= 30) & (keyed.owner < 35)
    assert np.array_equal(keyed.key[mine], few.key)
    assert np.array_equal(keyed.sketch[mine], few.sketch)
    assert len(np.unique(keyed.key[keyed.owner == 0])) == tables_of(0.95)


def test_a_verdict_depends_on_the_pair_alone() -> None:
    base = cone(200, 64)
    left, right = packed(base), packed(turned(base, 0.95))
    verdicts = near().alike(left, right)
    assert 0 < verdicts.sum() < 200
    assert np.array_equal(near().alike(right, left), verdicts)
    assert np.array_equal(near().alike(left.slice(50, 3), right.slice(50, 3)), verdicts[50:53])


def test_signatures_are_the_models_vectors(tmp_path: Path) -> None:
    from triptych.tokenizers.image.clip_model import load_clip

    save_clip(tmp_path / "clip")
    way = near(tmp_path / "clip")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 60, 3), np.uint8)
    files = []
    for picture in pixels:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "BMP")
        files.append(stream.getvalue())
    plain = io.BytesIO()
    Image.new("RGB", (40, 40), "white").save(plain, "PNG")
    values = pa.chunked_array([[*files[:20], b"no picture"], [plain.getvalue(), *files[20:]]], pa.binary())
    signatures = way.sign(values)
    assert np.flatnonzero(signatures.is_null()).tolist() == [20, 21]
    expected = load_clip("ViT-B-32", str(tmp_path / "clip")).embed_images(list(pixels))
    assert np.abs(unpack(signatures.drop_null(), np.float16) - expected).max() < 1e-3
    assert way.sign(values.slice(0, 0)).type == signatures.type
    assert way.alike(signatures.slice(0, 20), signatures.slice(0, 20)).all()

    other = near(tmp_path / "clip", 0.9)
    save_clip(tmp_path / "more", seed=1)
    identities = [str(w.identity()) for w in (way, other, near(tmp_path / "more"))]
    assert len(set(identities)) == 3
    assert str(tmp_path) not in identities[0]
