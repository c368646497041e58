"""Tars of generated pictures and clips, and worker processes that read them and decode what is in them."""

import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from triptych.tokenizers.audio.decode_clip import wave_of
from triptych.tokenizers.image.decode_picture import square

RATE = 24_000
DISTINCT = 256  # pictures or clips; tars repeat them
MAX_PIXELS = 100_000_000
MAX_SECONDS = 60.0


def jpeg(seed: int, side: int) -> bytes:
    """A picture with detail at every scale, at most some 20 KB at 256 pixels, as photographs have."""
    draw = np.random.default_rng(seed)
    total = np.zeros((side, side, 3))
    for cells in (4, 16, 64, side):
        grain = Image.fromarray(draw.integers(0, 256, (cells, cells, 3)).astype(np.uint8))
        total += np.asarray(grain.resize((side, side), Image.Resampling.BICUBIC), np.float64) / cells**0.5
    total = 255 * (total - total.min()) / np.ptp(total)
    stream = io.BytesIO()
    Image.fromarray(total.astype(np.uint8)).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def flac(seed: int, seconds: float) -> bytes:
    """Noise whose loudness changes as that of speech."""
    draw = np.random.default_rng(seed)
    samples = round(seconds * RATE)
    loudness = np.interp(np.arange(samples), np.linspace(0, samples, 40), draw.random(40))
    stream = io.BytesIO()
    soundfile.write(stream, 0.3 * loudness * draw.standard_normal(samples).clip(-3, 3), RATE, format="FLAC")
    return stream.getvalue()


def write_tars(folder: Path, make: Callable[[int], bytes], suffix: str, tars: int, files: int) -> list[Path]:
    """Write `tars` tars of `files` files each."""
    folder.mkdir()
    distinct = [make(seed) for seed in range(min(DISTINCT, tars * files))]
    paths = [folder / f"{number:04}.tar" for number in range(tars)]
    for number, path in enumerate(paths):
        with tarfile.open(path, "w") as tar:
            for index in range(files):
                data = distinct[(number * files + index) % len(distinct)]
                info = tarfile.TarInfo(f"{index:05}.{suffix}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return paths


@dataclass(frozen=True)
class Decoded(IterableDataset[Any]):
    """Batches of decoded files; each worker reads tars of its own, again and again."""

    tars: list[Path]
    batch: int
    side: int | None  # of pictures; None: clips
    rate: int = RATE

    def __iter__(self) -> Iterator[list[Any]]:
        """Yield lists of arrays without end."""
        worker = get_worker_info()
        mine = self.tars if worker is None else self.tars[worker.id :: worker.num_workers]
        batch: list[Any] = []
        while True:
            for path in mine:
                for data in _files(path):
                    batch.append(self._decoded(data))
                    if len(batch) == self.batch:
                        yield batch
                        batch = []

    def _decoded(self, data: bytes) -> Any:
        if self.side is not None:
            return square(data, self.side, MAX_PIXELS)
        return wave_of(data, self.rate, MAX_SECONDS)


def _files(path: Path) -> Iterator[bytes]:
    with tarfile.open(path) as tar:
        for member in tar:
            stream = tar.extractfile(member)
            assert stream is not None
            yield stream.read()


def feed(data: Decoded, workers: int) -> DataLoader[Any]:
    """Read by worker processes, in shared memory; 0 workers: in this process."""
    more: dict[str, Any] = {"multiprocessing_context": "spawn", "prefetch_factor": 4} if workers else {}
    return DataLoader(data, batch_size=None, num_workers=workers, collate_fn=list, **more)
