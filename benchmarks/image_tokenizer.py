"""What the image tokenizer trained in a run gives on held-out pictures, and what training it costs.

    python benchmarks/image_tokenizer.py PICTURES --size 128 --downsample 4 --steps 3000 [--baseline vqvae.safetensors]

PICTURES is a folder or a tar of picture files. A file is held out when the hash of its bytes says so, so the
split depends on nothing else; a file that is there twice lies on one side. Core-minutes are CPU time.
"""

import json
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import torch
import xxhash
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from safetensors.torch import load_file
from torch.nn.functional import conv2d, conv_transpose2d, relu

from triptych.schemas.config.tokenizers import VqConfig
from triptych.tokenizers.image.decode_picture import BadPicture, square
from triptych.tokenizers.image.diffusers_vq import DiffusersVq
from triptych.tokenizers.image.report import image_report
from triptych.tokenizers.image.vq_train import train_vq
from triptych.tokenizers.protocol import Codes, Pixels

MAX_PIXELS = 100_000_000
BATCH = 16
COLUMNS = ["tokens", "core-min", "PSNR", "SSIM", "codes", "perpl."]


class NimbleBox:
    """The VQ-VAE of NimbleBoxAI/explore-weights: 4 pixels a token, 512 codes of 128 numbers."""

    size, fingerprint = 512, "nimblebox"

    def __init__(self, weights: Path, side: int) -> None:
        self._weights = load_file(weights)
        self.pixels, self.tokens = side, (side // 4) ** 2

    def _apply(self, function: Any, name: str, x: torch.Tensor, **options: int) -> torch.Tensor:
        result: torch.Tensor = function(
            x, self._weights[f"{name}.weight"], self._weights.get(f"{name}.bias"), **options
        )
        return result

    def _residual(self, part: str, x: torch.Tensor) -> torch.Tensor:
        for block in range(2):
            name = f"{part}._blocks.residual.residual_blocks.residual_{block}._block"
            x = relu(x)
            inner = self._apply(conv2d, f"{name}.conv_1", x, padding=1)
            x = x + self._apply(conv2d, f"{name}.conv_2", relu(inner))
        return relu(x)

    @torch.inference_mode()
    def encode(self, pixels: Pixels) -> Codes:
        """(batch, side, side, 3) RGB to (batch, tokens)."""
        x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - 0.5
        x = relu(self._apply(conv2d, "encoder._blocks.conv_1", x, stride=2, padding=1))
        x = relu(self._apply(conv2d, "encoder._blocks.conv_2", x, stride=2, padding=1))
        x = self._residual("encoder", self._apply(conv2d, "encoder._blocks.conv_3", x, padding=1))
        x = self._apply(conv2d, "pre_vq_conv", x).permute(0, 2, 3, 1)
        nearest = torch.cdist(x.flatten(0, 2), self._weights["vq_vae.codebook.weight"]).argmin(1)
        return nearest.view(len(pixels), -1).numpy().astype(np.uint32)

    @torch.inference_mode()
    def decode(self, codes: npt.ArrayLike) -> Pixels:
        """(batch, tokens) to (batch, side, side, 3) RGB."""
        rows = self._weights["vq_vae.codebook.weight"][torch.from_numpy(np.asarray(codes, np.int64))]
        x = rows.unflatten(1, (self.pixels // 4, -1)).permute(0, 3, 1, 2)
        x = self._residual("decoder", self._apply(conv2d, "decoder._blocks.conv_1", x, padding=1))
        x = relu(self._apply(conv_transpose2d, "decoder._blocks.conv_t_1", x, stride=2, padding=1))
        x = self._apply(conv_transpose2d, "decoder._blocks.conv_t_2", x, stride=2, padding=1) + 0.5
        return (x.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def read_files(source: Path) -> Iterator[bytes]:
    """The bytes of every file of a folder (in order of name, with sub-folders) or a tar."""
    if source.is_dir():
        yield from (path.read_bytes() for path in sorted(source.rglob("*")) if path.is_file())
        return
    with tarfile.open(source) as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.isfile() else None
            if stream is not None:
                yield stream.read()


def load(source: Path, side: int, share: float) -> tuple[Pixels, Pixels, int]:
    """Pictures to train on, pictures held out, and how many files gave none."""
    sides: tuple[list[Pixels], list[Pixels]] = ([], [])
    unread = 0
    for data in read_files(source):
        try:
            pixels = square(data, side, MAX_PIXELS)
        except BadPicture:
            unread += 1
            continue
        sides[xxhash.xxh3_64_intdigest(data) % 1000 < 1000 * share].append(pixels)
    if not all(sides):
        raise click.UsageError(
            f"{source}: {len(sides[0])} pictures to train on and {len(sides[1])} held out; give more."
        )
    return np.stack(sides[0]), np.stack(sides[1]), unread


def report_on(tokenizer: Any, pictures: Pixels) -> dict[str, Any]:
    """The tokenizer's report over all pictures."""
    return image_report(tokenizer, (pictures[at : at + BATCH] for at in range(0, len(pictures), BATCH)))


def trained(pictures: Pixels, held_out: Pixels, config: VqConfig, seed: int) -> dict[str, Any]:
    """Train in a temporary folder; the report on held-out pictures and the CPU time of training."""
    with tempfile.TemporaryDirectory() as folder, Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("training", total=config.steps)
        start = time.process_time()
        train_vq(
            pictures,
            config,
            Path(folder),
            seed=seed,
            threads=1,
            report=lambda done, _: progress.update(bar, completed=done),
        )
        minutes = (time.process_time() - start) / 60
        return report_on(DiffusersVq(folder, side=config.size), held_out) | {"core_minutes": minutes}


@click.command()
@click.argument("pictures", type=click.Path(exists=True, path_type=Path))
@click.option("--size", default=128, show_default=True)
@click.option("--downsample", type=click.Choice(["4", "8", "16"]), default="8", show_default=True)
@click.option("--codes", default=1024, show_default=True)
@click.option("--steps", default=1500, show_default=True)
@click.option("--seed", "seeds", multiple=True, default=[0], show_default=True, help="May be given several times.")
@click.option("--held-out", default=0.125, show_default=True, help="Share of the files.")
@click.option("--baseline", type=click.Path(exists=True, path_type=Path), help="NimbleBox's vqvae.safetensors.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here as well.")
def main(
    pictures: Path,
    size: int,
    downsample: str,
    codes: int,
    steps: int,
    seeds: tuple[int, ...],
    held_out: float,
    baseline: Path | None,
    out: Path | None,
) -> None:
    """Train on PICTURES (a folder or a tar) and report on those held out."""
    torch.set_num_threads(1)
    config = VqConfig.model_validate({"size": size, "downsample": int(downsample), "codes": codes, "steps": steps})
    train, held, unread = load(pictures, size, held_out)
    rows: dict[str, dict[str, Any]] = {}
    if baseline is not None:
        rows["NimbleBox VQ-VAE"] = report_on(NimbleBox(baseline, size), held)
    for seed in seeds:
        rows[f"vq/{downsample} {steps} steps #{seed}"] = trained(train, held, config, seed)
    table = Table(title=f"{len(held)} pictures held out, {len(train)} to train on, {unread} files unread")
    table.add_column("tokenizer", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for name, row in rows.items():
        minutes = f"{row['core_minutes']:.1f}" if "core_minutes" in row else "–"
        quality = f"{row['psnr']:.2f}", f"{row['ssim']:.3f}", f"{row['codes_used_share']:.1%}"
        table.add_row(name, str(row["tokens_per_picture"]), minutes, *quality, f"{row['perplexity']:.0f}")
    Console().print(table)
    if out is not None:
        counts = {"train": len(train), "held_out": len(held), "unread": unread}
        out.write_text(json.dumps({"config": config.model_dump(), "pictures": counts, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
