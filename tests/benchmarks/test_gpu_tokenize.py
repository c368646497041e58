"""Generated tars are read and decoded batch by batch, and each precision is compared with float32."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.gpu.record import Record
from benchmarks.gpu_tokenize import TINY, by_precision, encoder, from_tars
from benchmarks.media_tars import RATE, Decoded, flac, jpeg, write_tars

Codes = npt.NDArray[np.uint32]


class Means:
    """An image tokenizer of one code: the mean of the picture."""

    pixels = 16

    def encode(self, pictures: npt.NDArray[Any]) -> Codes:
        means: Codes = pictures.reshape(len(pictures), -1).mean(1, keepdims=True).astype(np.uint32)
        return means


def test_batches_hold_what_the_tars_do_again_and_again(tmp_path: Path) -> None:
    tars = write_tars(tmp_path / "clips", lambda seed: flac(seed, 0.1), "flac", tars=2, files=3)
    batches = iter(Decoded(tars, 4, None))
    waves = [wave for _ in range(3) for wave in next(batches)]
    assert {len(wave) for wave in waves} == {RATE // 10}
    assert all(np.array_equal(wave, again) for wave, again in zip(waves[:6], waves[6:], strict=True))
    assert not np.array_equal(waves[0], waves[1])


def test_figures_of_a_tokenizer_that_is_always_right(tmp_path: Path) -> None:
    tars = write_tars(tmp_path / "pictures", lambda seed: jpeg(seed, 40), "jpg", tars=1, files=4)
    record = Record(tmp_path / "figures.json", seconds=1e9)
    fed = Decoded(tars, 2, 16)
    images = next(iter(fed))
    by_precision(record, "means", Means(), images, TINY.repeats)
    from_tars(record, "means", encoder(Means()), fed, 0, 0.01)
    assert [record.figures[f"means, {name}"]["same_codes"] for name in ("float32", "bfloat16")] == [1.0, 1.0]
    fed_figures = record.figures["means, from tars"]
    assert fed_figures["tokens_per_second"] > 0
    assert 0 < fed_figures["encoding_share"] < 1
    assert fed_figures["gpu_busy_share"] is None or fed_figures["gpu_busy_share"] <= 1
