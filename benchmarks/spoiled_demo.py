"""Spoils the corpora of the demo a little, so that every page of `triptych browse` has something to show.

    python -m benchmarks.spoiled_demo demo

writes the corpora of `triptych demo` into a folder, adds rows that are damaged, repeated, short, small or silent, and
writes two run files: `run.yaml` with filters and deduplication, and `before.yaml`, the same dataset of a week before,
without the added pictures and with a stricter filter, by the same tokenizers.
"""

import argparse
import gzip
import io
import json
import random
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
import yaml
from PIL import Image

from triptych.cli.demo.corpus import make_corpus

CLEAN: dict[str, Any] = {
    "engine": {"kind": "serial"},
    "filters": [
        {"name": "text_length", "min_chars": 20, "sources": ["docs"]},
        {"name": "image_size", "min_side": 32},
        {"name": "silence"},
    ],
    "dedup": {
        "text": {"exact": True, "near": {"threshold": 0.8}},
        "image": {"exact": True, "near": {"radius": 3}},
        "audio": {"exact": True, "near": True},
    },
}
GIVEN = {
    "text": {"kind": "sentencepiece", "path": "dataset/tokenizers/text/text.model"},
    "image": {"kind": "vq", "path": "dataset/tokenizers/image", "size": 64},
    "audio": {"kind": "rvq", "path": "dataset/tokenizers/audio"},
}


def main() -> None:
    """Make the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="A folder that is not there yet")
    folder = parser.parse_args().folder
    make_corpus(folder)
    spoil_texts(folder / "text")
    spoil_pictures(folder / "glyphs")
    spoil_clips(folder / "speech.parquet")
    tree = yaml.safe_load((folder / "run.yaml").read_text()) | CLEAN
    (folder / "run.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
    tree |= {"name": "last-week", "out": "before", "tokenizers": GIVEN}
    tree["filters"][0] = tree["filters"][0] | {"min_chars": 200}
    tree["sources"][1]["path"] = "glyphs/glyphs-*.tar"
    (folder / "before.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))


def spoil_texts(folder: Path) -> None:
    """Add texts that are repeated, almost repeated or short, and a line that ends early."""
    with gzip.open(min(folder.glob("*.gz")), "rt") as file:
        rows = [json.loads(line) for line in file]
    draw = random.Random(0)
    added = [*draw.sample(rows, 30)]
    added += [{"text": f"{row['text']} See also the manual."} for row in draw.sample(rows, 20)]
    added += [{"text": row["text"][:15]} for row in rows[:12]]
    with gzip.open(folder / "extra.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in added)
        file.write('{"text": "unfinished\n')


def spoil_pictures(folder: Path) -> None:
    """Add pictures that are repeated, cut off or small."""
    with tarfile.open(min(folder.glob("*.tar"))) as source, tarfile.open(folder / "extra.tar", "w") as out:

        def put(name: str, data: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            out.addfile(member, io.BytesIO(data))

        def read(name: str) -> bytes:
            file = source.extractfile(name)
            assert file is not None
            return file.read()

        names = [name.removesuffix(".png") for name in source.getnames() if name.endswith(".png")]
        for at, name in enumerate(names[:34]):
            data = read(f"{name}.png")
            data = data if at < 20 else data[: len(data) // 2] if at < 27 else small(data)
            put(f"x{at:03}.png", data)
            put(f"x{at:03}.txt", read(f"{name}.txt"))


def small(data: bytes) -> bytes:
    """A picture with 24 pixels a side."""
    sink = io.BytesIO()
    Image.open(io.BytesIO(data)).resize((24, 24)).save(sink, "PNG")
    return sink.getvalue()


def spoil_clips(path: Path) -> None:
    """Add clips that are repeated or silent."""
    table = pq.read_table(path)
    added = table.slice(0, 6).to_pylist()
    for row in table.slice(10, 4).to_pylist():
        wave, rate = soundfile.read(io.BytesIO(row["audio"]))
        sink = io.BytesIO()
        soundfile.write(sink, wave * 0, rate, format="WAV")
        added.append(row | {"audio": sink.getvalue()})
    pq.write_table(pa.concat_tables([table, pa.Table.from_pylist(added, table.schema)]), path)


if __name__ == "__main__":
    main()
