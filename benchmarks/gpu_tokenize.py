"""Image tokenizer and audio codecs on a GPU: speed by batch size and precision, and the whole way from tars.

    python -m benchmarks.gpu_tokenize OUT [--workers N] [--tiny]

Models have their real sizes and random weights (`random_tokenizers`): MoVQGAN at 256 pixels, Higgs Audio v2, EnCodec
and DAC at 24 kHz. In one call of less than six minutes it measures, of each model,

- tokens a second by batch size, from arrays in memory. Triptych encodes clips one by one, since padding would change
  their codes; what the library would give for batches of clips of one length stands beside it.
- the share of codes that are the same in bfloat16, and with TensorFloat-32, as in float32, and the speed of each.
- tokens a second from tars on the local disk, JPEG and FLAC, which N worker processes read and decode: the share of the
  time in which the GPU computes, by the times of its kernels. The target is 90 %.

Figures are in `OUT/tokenize.json` as soon as they are known. What has no time left is named there. `--tiny` runs
everything with very small models, also on a CPU, to try the benchmark itself.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import torch

from .gpu.device import device, facts, seconds, wait
from .gpu.record import Record
from .media_tars import RATE, Decoded, feed, flac, jpeg, write_tars
from .random_tokenizers import CODECS, audio_tokenizer, image_tokenizer

SECONDS = 340  # of the whole benchmark; nothing is started later
PRECISIONS = ("float32", "tensorfloat32", "bfloat16")


class Sizes(NamedTuple):
    """What is measured."""

    side: int
    batches: tuple[int, ...]
    clip_seconds: float
    tars: int
    files: int
    repeats: int
    fed_seconds: float  # of each measurement from tars


FULL = Sizes(256, (1, 8, 32, 128), 10.0, 32, 256, 5, 12.0)
TINY = Sizes(32, (1, 2), 0.5, 2, 4, 2, 0.5)

Encode = Callable[[Sequence[Any]], int]  # decoded files -> number of tokens


def encoder(tokenizer: Any) -> Encode:
    """Encode a batch as the pipeline does, and count its tokens."""

    def encode(batch: Sequence[Any]) -> int:
        values = np.stack(batch) if hasattr(tokenizer, "pixels") else batch
        return sum(codes.size for codes in tokenizer.encode(values))

    return encode


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Compute in one of PRECISIONS."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = name == "tensorfloat32"
    try:
        with torch.autocast(device().type, torch.bfloat16, enabled=name == "bfloat16"):
            yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def by_batch(record: Record, name: str, encode: Encode, values: Sequence[Any], sizes: Sizes) -> None:
    """Tokens a second of batches in memory, in float32."""
    for size in sizes.batches:
        label = f"{name}, {size} at once"
        if record.has_time(label, 5):
            batch = [values[index % len(values)] for index in range(size)]
            record.add(label, **speed(partial(encode, batch), sizes.repeats))


def speed(action: Callable[[], int], repeats: int) -> dict[str, float]:
    """Tokens a second of the quickest and of the middle turn, after one that does not count."""
    with precision("float32"):
        tokens = action()
        taken = sorted(seconds(action) for _ in range(repeats))
    return {"tokens_per_second": tokens / taken[len(taken) // 2], "at_best": tokens / taken[0]}


def by_precision(record: Record, name: str, tokenizer: Any, values: Sequence[Any], repeats: int) -> None:
    """Agreement of codes with those of float32, and the time that each precision takes."""
    batch = np.stack(values) if hasattr(tokenizer, "pixels") else values
    wanted: list[Any] = []
    for mode in PRECISIONS:
        if not record.has_time(f"{name}, {mode}", 5):
            return
        with precision(mode):
            codes = list(tokenizer.encode(batch))
            taken = min(seconds(lambda: tokenizer.encode(batch)) for _ in range(repeats))
        wanted = wanted or codes
        same = sum(int((one == other).sum()) for one, other in zip(codes, wanted, strict=True))
        total = sum(each.size for each in codes)
        record.add(f"{name}, {mode}", same_codes=same / total, tokens_per_second=total / taken)


def library_batches(record: Record, name: str, codec: Any, sizes: Sizes) -> None:
    """What batches of clips of one length would give, by the library's own call."""
    samples = round(sizes.clip_seconds * codec.sample_rate)
    for size in sizes.batches[1:]:
        label = f"{name}, {size} at once by the library"
        if not record.has_time(label, 5):
            return
        waves = torch.randn(size, 1, samples, device=device())

        def encode(waves: torch.Tensor = waves) -> int:
            with torch.inference_mode():
                return int(codec._model.encode(waves).audio_codes.numel())

        try:
            record.add(label, **speed(encode, sizes.repeats))
        except torch.OutOfMemoryError:
            record.leave_out(label, "the memory of the device did not suffice")


def from_tars(record: Record, name: str, encode: Encode, data: Decoded, workers: int, length: float) -> None:
    """Tokens a second with everything before the model, and how much of the time the GPU computes."""
    label = f"{name}, from tars"
    if not record.has_time(label, 2 * length):
        return
    loader = iter(feed(data, workers))
    with precision("float32"):
        for _ in range(2 * max(workers, 1)):  # workers start, and fill their queues
            batch = arrays(next(loader))
        share = kernel_share(partial(encode, batch))
        tokens, encoding, begun = 0, 0.0, time.perf_counter()
        while time.perf_counter() - begun < length:
            batch = arrays(next(loader))
            start = time.perf_counter()
            tokens += encode(batch)
            encoding += time.perf_counter() - start
        whole = time.perf_counter() - begun
    busy = None if share is None else share * encoding / whole
    record.add(
        label, tokens_per_second=tokens / whole, workers=workers, encoding_share=encoding / whole, gpu_busy_share=busy
    )


def arrays(batch: Sequence[Any]) -> list[Any]:
    """What worker processes sent, as NumPy arrays."""
    return [value.numpy() if isinstance(value, torch.Tensor) else value for value in batch]


def kernel_share(action: Callable[[], int]) -> float | None:
    """Of the time of an action: the share in which kernels or copies run on the GPU; None without one."""
    if device().type != "cuda":
        return None
    action()
    taken = seconds(action)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        action()
        wait()
    return float(min(1.0, sum(event.self_device_time_total for event in profile.key_averages()) / 1e6 / taken))


def measure(record: Record, work: Path, sizes: Sizes, workers: int, tiny: bool) -> None:
    """Everything, the most important first."""
    pictures = write_tars(work / "pictures", partial(jpeg, side=sizes.side), "jpg", sizes.tars, sizes.files)
    clips = write_tars(
        work / "clips", partial(flac, seconds=sizes.clip_seconds), "flac", sizes.tars, max(sizes.files // 8, 2)
    )
    batch = min(32, sizes.batches[-1])
    vq = image_tokenizer(work / "vq", sizes.side, tiny=tiny)
    fed = Decoded(pictures, batch, sizes.side)
    images = arrays(next(iter(fed)))
    from_tars(record, "VQ", encoder(vq), fed, workers, sizes.fed_seconds)
    by_precision(record, "VQ", vq, images, sizes.repeats)
    by_batch(record, "VQ", encoder(vq), images, sizes)
    for name in CODECS:
        codec = audio_tokenizer(name, work / name, tiny=tiny)
        fed = Decoded(clips, 8 if not tiny else 2, None, codec.sample_rate)
        waves = arrays(next(iter(fed)))
        from_tars(record, name, encoder(codec), fed, workers, sizes.fed_seconds)
        by_precision(record, name, codec, waves, sizes.repeats)
        by_batch(record, name, encoder(codec), waves, sizes._replace(batches=sizes.batches[:1]))
        library_batches(record, name, codec, sizes)


@click.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--workers", type=click.IntRange(0), help="Processes that read and decode; default one a core, less two.")
@click.option("--tiny", is_flag=True, help="Very small models, to try the benchmark itself.")
def main(out: Path, workers: int | None, tiny: bool) -> None:
    """Measure on the first GPU; write figures into the folder OUT."""
    told = {name: str(value) for name, value in facts().items()}
    click.echo("; ".join(f"{name} {value}" for name, value in told.items()) + f"; RATE {RATE}")
    out.mkdir(parents=True, exist_ok=True)
    record = Record(out / "tokenize.json", SECONDS)
    record.add("device", **told)
    count = max(1, (os.cpu_count() or 1) - 2) if workers is None else workers
    with tempfile.TemporaryDirectory(prefix="gpu-tokenize-") as work:
        measure(record, Path(work), TINY if tiny else FULL, count, tiny)
    for name, values in record.figures.items():
        click.echo(f"{name}: " + ", ".join(f"{key} {value}" for key, value in values.items()))
    for name, why in record.left_out.items():
        click.echo(f"{name}: left out, {why}")


if __name__ == "__main__":
    main()
