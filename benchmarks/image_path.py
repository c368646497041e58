"""Deduplication and encoding of 256-pixel JPEGs beside what they were: pictures a CPU second, and where it goes.

    python -m benchmarks.image_path PICTURES [--size 128 --size 256] [--count 128] [--repeats 3] [--json]

PICTURES is a folder or a tar of picture files; each is resized to 256 x 256 pixels and saved as a JPEG of quality 90.
`before` opened every file once for the exact key and again for the signature, and encoded 32 pictures at once with
everything that training needs of the codebook. The two take turns in one process with one thread. Model weights are
random, which does not change the cost.

The last figures are the shares of the new way: convolutions, counted as operations at the speed of a matrix product of
the same machine, are what cannot be made quicker by feeding the model in another way.
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import torch
from PIL import Image
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from triptych.pipelines.dedup.image.exact import image_keys
from triptych.pipelines.dedup.image.near import PerceptualHash
from triptych.schemas.config.dedup import NearImage
from triptych.schemas.config.tokenizers import VqConfig
from triptych.tokenizers.image.decode_picture import BadPicture, square
from triptych.tokenizers.image.diffusers_vq import DiffusersVq, to_signed
from triptych.tokenizers.image.vq_train import build

from .image_edits import saved
from .image_tokenizer import MAX_PIXELS, read_files
from .measure import show, spread

SIDE = 256
BATCH = 32
PRODUCT = 2048  # rows and columns of the matrix product


def jpegs(source: Path, count: int) -> list[bytes]:
    """Up to `count` pictures as JPEGs."""
    files: list[bytes] = []
    for data in read_files(source):
        try:
            files.append(saved(Image.fromarray(square(data, SIDE, MAX_PIXELS))))
        except BadPicture:
            continue
        if len(files) == count:
            break
    return files


def thread_seconds(action: Callable[[], object]) -> float:
    """CPU time of this thread."""
    start = time.thread_time()
    action()
    return time.thread_time() - start


def signed(near: PerceptualHash, column: pa.ChunkedArray, *, before: bool) -> None:
    """Exact keys and signatures."""
    if before:
        image_keys(column)
        near.sign(column)
    else:
        near.sign_with_keys(column)


def encoded(tokenizer: DiffusersVq, files: list[bytes], *, before: bool) -> None:
    """Codes of all pictures."""
    for start in range(0, len(files), BATCH):
        pixels = np.stack([square(data, tokenizer.pixels, MAX_PIXELS) for data in files[start : start + BATCH]])
        if before:
            model: Any = tokenizer._model
            with torch.inference_mode():
                x = functional.pixel_unshuffle(to_signed(pixels), tokenizer._unshuffle)
                model.quantize(model.encode(x).latents)
        else:
            tokenizer.encode(pixels)


def convolution_seconds(tokenizer: DiffusersVq) -> float:
    """Time of a picture's operations at the speed of a large matrix product."""
    model: Any = tokenizer._model
    picture = np.zeros((1, tokenizer.pixels, tokenizer.pixels, 3), np.uint8)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model.encode(functional.pixel_unshuffle(to_signed(picture), tokenizer._unshuffle))
    one, other = torch.randn(2, PRODUCT, PRODUCT)
    taken = min(thread_seconds(lambda: one @ other) for _ in range(4))
    return float(counter.get_total_flops() / (2 * PRODUCT**3) * taken)


def measured(files: list[bytes], size: int, repeats: int, folder: Path) -> dict[str, dict[str, float]]:
    """Figures of one size of the tokenizer's pictures."""
    model: Any = build(VqConfig(size=size))
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer = DiffusersVq(str(folder), side=size)
    near, column = PerceptualHash(NearImage(), MAX_PIXELS), pa.chunked_array([files], pa.binary())
    taken: dict[str, list[float]] = {}
    for turn in range(repeats + 1):
        for word, before in (("before", True), ("now", False)):
            for name, way in (
                ("key and signature", partial(signed, near, column, before=before)),
                ("decode and encode", partial(encoded, tokenizer, files, before=before)),
            ):
                seconds = thread_seconds(way) / len(files)
                if turn:  # the first one warms up
                    taken.setdefault(f"{name}, {word}", []).append(seconds)
    whole = {
        word: np.add(taken[f"key and signature, {word}"], taken[f"decode and encode, {word}"])
        for word in ("before", "now")
    }
    decode = min(thread_seconds(lambda: [square(data, size, MAX_PIXELS) for data in files]) for _ in range(2))
    now = float(np.median(whole["now"]))
    figures = {
        f"{size}: {name}, ms a picture": spread([1000 * each for each in times]) for name, times in taken.items()
    }
    for word, times in whole.items():
        figures[f"{size}: pictures a CPU second, {word}"] = spread([1 / float(each) for each in times])
    figures[f"{size}: ratio"] = spread([float(each) for each in whole["before"] / whole["now"]])
    for name, seconds in (("convolutions", convolution_seconds(tokenizer)), ("decoding", decode / len(files))):
        figures[f"{size}: share of {name}"] = spread([seconds / now])
    return figures


@click.command()
@click.argument("pictures", type=click.Path(exists=True, path_type=Path))
@click.option("--size", "sizes", multiple=True, default=[128, 256], show_default=True, help="Of the tokenizer.")
@click.option("--count", default=128, show_default=True, help="Pictures, at most.")
@click.option("--repeats", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(pictures: Path, sizes: tuple[int, ...], count: int, repeats: int, as_json: bool) -> None:
    """Measure on PICTURES."""
    torch.set_num_threads(1)
    files = jpegs(pictures, count)
    figures: dict[str, dict[str, float]] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            figures |= measured(files, size, repeats, Path(folder))
    show("Pictures", figures, {"pictures": len(files), "turns": repeats}, as_json)


if __name__ == "__main__":
    main()
