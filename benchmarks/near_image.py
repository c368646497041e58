"""Near-duplicate pictures: speed of hashes beside imagehash's, and what of edited copies is found among all pictures.

    python -m benchmarks.near_image corpora/stamps corpora/clipart … [--leave-out stars] [--copied 500] [--json]

Each folder of pictures, or of tars of pictures, is a set. Some pictures of every set are copied in each way of
`image_edits`, and the copies join the pictures of their set; pairs go through keys, candidates and test as in a run.

Precision is over pairs with at most one copy in them. Such a pair is right if both are of one picture, or of two that
resemble each other: their details, laid over each other, correlate. Random pairs reach .2; coded anew at low quality,
.7 to .9; a drawing with another sign in it, likewise. So precision is given by either bound. Where different pictures
make many pairs, a draw of them is judged.

Speed is that of a whole signature and its hashes, from JPEGs of 256x256 pixels, in CPU time. It needs imagehash.
"""

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import imagehash
import numpy as np
import pyarrow as pa
import xxhash
from PIL import Image
from rich.console import Console
from rich.table import Table

from triptych.pipelines.dedup.image.near import PerceptualHash
from triptych.pipelines.dedup.image.phash import perceptual_hashes
from triptych.pipelines.dedup.image.signatures import Signatures
from triptych.pipelines.dedup.protocol import Ints
from triptych.schemas.config.dedup import NearImage
from triptych.tokenizers.image.decode_picture import BadPicture, uncropped

from .image_edits import edits_of, resemblance, saved
from .measure import cpu_seconds, machine, show, spread
from .near_pairs import Found, find_pairs

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"}
MAX_PIXELS = 20_000_000
SAME = {"strictly": 0.9, "leniently": 0.7}  # resemblance
JUDGED = 400  # pairs of different pictures, at most
TIMED = 600  # pictures, at most


class Picture(NamedTuple):
    """A picture of a set; `copy_of` is the number of the picture that it is an edited copy of, by `edit`."""

    name: str
    data: bytes
    copy_of: int
    edit: str = ""

    @property
    def image(self) -> Image.Image:
        """Decoded, on white."""
        return Image.fromarray(uncropped(self.data, max(Image.open(io.BytesIO(self.data)).size), MAX_PIXELS))


def read_pictures(folder: Path, leave_out: str | None) -> tuple[list[Picture], int]:
    """Every picture of a folder that can be decoded, and how many were left out by their name or size."""
    pictures: list[Picture] = []
    left = 0
    for name, data in _files(folder):
        picture = Picture(name, data, len(pictures))
        if leave_out is not None and leave_out in name:
            left += 1
            continue
        try:
            uncropped(data, 32, MAX_PIXELS)
        except BadPicture:
            left += 1
            continue
        pictures.append(picture)
    return pictures, left


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".tar":
            with tarfile.open(path) as tar:
                for member in tar:
                    if Path(member.name).suffix in SUFFIXES:
                        stream = tar.extractfile(member)
                        assert stream is not None
                        yield member.name, stream.read()
        elif path.suffix in SUFFIXES:
            yield path.name, path.read_bytes()


def drawn(pictures: Sequence[Picture], count: int) -> list[Picture]:
    """Up to `count` of them, in the order of their hashes, which is a fair draw."""
    return sorted(pictures, key=lambda picture: xxhash.xxh3_64_intdigest(picture.data))[:count]


def score(near: PerceptualHash, pictures: Sequence[Picture], copied: int) -> dict[str, Any]:
    """Recall by edit, precision, and what it cost to get there."""
    copies = [
        Picture(picture.name, data, picture.copy_of, edit)
        for picture in drawn(pictures, copied)
        for edit, data in edits_of(picture.image, seed=picture.copy_of).items()
    ]
    everything = [*pictures, *copies]
    signatures = near.sign(pa.chunked_array([[picture.data for picture in everything]], pa.binary()))
    found: list[Found] = []
    seconds = cpu_seconds(lambda: found.append(find_pairs(near, signatures)))
    pairs = np.stack([found[0].left, found[0].right])[:, found[0].alike]
    return {
        "pictures": len(pictures),
        "without a signature": signatures.slice(0, len(pictures)).null_count,
        "copies an edit": min(copied, len(pictures)),
        "recall": recall_of(copies, len(pictures), pairs),
        **precision_of(pictures, everything, pairs),
        "candidates a picture": len(found[0].left) / len(everything),
        "CPU milliseconds a picture, to compare": 1000 * seconds / len(everything),
    }


def recall_of(copies: Sequence[Picture], first: int, pairs: Ints) -> dict[str, float]:
    """By edit, the share of copies, numbered from `first`, that were found beside their originals."""
    found = set(zip(*pairs.tolist(), strict=True))
    hits: dict[str, list[bool]] = {}
    for number, copy in enumerate(copies, first):
        hits.setdefault(copy.edit, []).append((copy.copy_of, number) in found)
    return {edit: sum(mine) / len(mine) for edit, mine in hits.items()}


def precision_of(pictures: Sequence[Picture], everything: Sequence[Picture], pairs: Ints) -> dict[str, float]:
    """By either bound, over (2, n) pairs of which the second at most is a copy."""
    originals = np.array([picture.copy_of for picture in everything])
    counted = np.sort(originals[pairs[:, pairs[0] < len(pictures)]], axis=0)
    strangers = counted[:, counted[0] != counted[1]]
    different = np.unique(strangers, axis=1).T
    fair = sorted(different.tolist(), key=lambda pair: xxhash.xxh3_64_intdigest(repr(pair).encode()))[:JUDGED]
    judged = np.array([resemblance(pictures[one].image, pictures[other].image) for one, other in fair])
    result: dict[str, float] = {"pairs found": counted.shape[1], "pairs of different pictures": len(different)}
    for how, bound in SAME.items():
        same = float((judged >= bound).mean()) if len(judged) else 1.0
        result[f"share of them the same, {how}"] = same
        result[f"precision, {how}"] = 1 - (1 - same) * strangers.shape[1] / counted.shape[1]
    return result


def speeds(near: PerceptualHash, pictures: Sequence[Picture], repeats: int) -> dict[str, dict[str, float]]:
    """Pictures a CPU second, each turn one right after the other."""
    files = [saved(picture.image.resize((256, 256), Image.Resampling.LANCZOS)) for picture in drawn(pictures, TIMED)]
    column = pa.chunked_array([files], pa.binary())

    def ours() -> None:
        perceptual_hashes(Signatures.unpacked(near.sign(column)).thumbnails.luminance)

    def theirs() -> None:
        for data in files:
            imagehash.phash(Image.open(io.BytesIO(data)))

    ways = {"imagehash.phash": theirs, "triptych": ours}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            taken[name].append(len(files) / cpu_seconds(way))
    figures = {f"{name}, pictures a CPU second": spread(rates) for name, rates in taken.items()}
    return figures | {
        "ratio": spread([a / b for a, b in zip(taken["triptych"], taken["imagehash.phash"], strict=True)])
    }


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--leave-out", help="Leave out pictures with this in their names.")
@click.option("--radius", default=6, show_default=True, help="Bits, as in a run file.")
@click.option("--copied", default=500, show_default=True, help="Pictures copied of every set, at most.")
@click.option("--repeats", default=5, show_default=True, help="Turns of the measurement of speed.")
@click.option("--json", "as_json", is_flag=True)
def main(
    folders: tuple[Path, ...], leave_out: str | None, radius: int, copied: int, repeats: int, as_json: bool
) -> None:
    """Measure on the pictures of FOLDERS."""
    near = PerceptualHash(NearImage(radius=radius), MAX_PIXELS)
    sets = {folder.name: read_pictures(folder, leave_out) for folder in folders}
    scores = {name: {"left out": left} | score(near, pictures, copied) for name, (pictures, left) in sets.items()}
    figures = speeds(near, next(iter(sets.values()))[0], repeats)
    if as_json:
        click.echo(json.dumps({"machine": machine(), "radius": radius, "figures": figures, "sets": scores}))
        return
    show("Near-duplicate pictures", figures, {"turns": repeats}, False)
    table = Table("", *scores)
    edits = next(iter(scores.values()))["recall"]
    for edit in edits:
        table.add_row(f"recall, {edit}", *(f"{result['recall'][edit]:.3f}" for result in scores.values()))
    for fact in next(iter(scores.values())):
        if fact != "recall":
            table.add_row(fact, *(f"{result[fact]:,.4g}" for result in scores.values()))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
