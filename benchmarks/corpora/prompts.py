"""Asterisk's recorded English prompts and what is said in them."""

import gzip
import re
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PACKAGES = ("asterisk-core-sounds-en-wav", "asterisk-core-sounds-en")
ROWS_A_GROUP = 64


def make(roots: Mapping[str, Path], out: Path, limit: int | None = None) -> dict[str, int]:
    """`out/prompts.parquet` with columns `audio` (a WAV file), `text` and `id`; its rows by name."""
    sounds = roots["asterisk-core-sounds-en-wav"] / "usr/share/asterisk/sounds/en_US_f_Allison"
    listing = roots["asterisk-core-sounds-en"] / "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
    spoken = transcripts(gzip.decompress(listing.read_bytes()).decode())
    found = [(name, text) for name, text in sorted(spoken.items()) if (sounds / f"{name}.wav").exists()][:limit]
    table = pa.table(
        {
            "audio": pa.array([(sounds / f"{name}.wav").read_bytes() for name, _ in found], pa.binary()),
            "text": pa.array([text for _, text in found], pa.string()),
            "id": pa.array([name for name, _ in found], pa.string()),
        }
    )
    pq.write_table(table, out / "prompts.parquet", row_group_size=ROWS_A_GROUP)
    return {"prompts.parquet": len(found)}


def transcripts(listing: str) -> dict[str, str]:
    """Text by prompt from lines `name: text`; notes in brackets are dropped, and so are prompts without a word."""
    found = {}
    for line in listing.splitlines():
        name, colon, text = line.partition(":")
        said = re.sub(r"\[.*?\]|\(.*?\)", "", text).strip()
        if colon and not line.startswith(";") and re.search(r"\w", said):
            found[name.strip()] = said
    return found
