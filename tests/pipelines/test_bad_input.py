"""Bad rows end in the ledger with their file, row and reason, and the rest of the run finishes."""

import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from triptych.pipelines.inspection.stats import advice, stats
from triptych.pipelines.inspection.verify import verify
from triptych.schemas.dataset.manifest import Manifest
from triptych.schemas.dataset.reader import Dataset

Line = tuple[str, str, str, int, str]  # stage, source, file, row, reason


def png_header(width: int, height: int) -> bytes:
    """A PNG that says its size and has next to no pixels."""
    number = struct.Struct(">I").pack
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0" * 99))]
    parts = [(number(len(data)), kind + data, number(zlib.crc32(kind + data))) for kind, data in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(b"".join(part) for part in parts)


def write_stamps(folder: Path, makers: Any) -> list[Line]:
    """Good and bad samples in a tar, and a second tar that ends in the middle of its second sample."""
    good = makers.picture(1)
    samples: list[tuple[bytes | None, bytes | None, tuple[str, str] | None]] = [
        (good, b"fine", None),
        (good[: len(good) // 2], b"cut short", ("image", "image_undecodable")),
        (b"not a picture", b"garbage", ("normalise", "image_undecodable")),
        (png_header(0, 0), b"no size", ("normalise", "image_empty")),
        (b"", b"no bytes", ("normalise", "image_empty")),
        (png_header(60_000, 60_000), b"a bomb", ("normalise", "image_too_large")),
        (None, b"no picture", ("read", "image_missing")),
        (good, None, ("read", "text_missing")),
        (good, b"caf\xe9", ("read", "utf8_invalid")),
        (good, b"", ("normalise", "text_empty")),
        (good, b" \n\t ", ("normalise", "text_empty")),
        (good, b"word " * 400, ("pack", "pair_too_long")),
        (good, b"fine too", None),
    ]
    members = {}
    for row, (image, text, _) in enumerate(samples):
        if image is not None:
            members[f"{row:03d}.png"] = image
        if text is not None:
            members[f"{row:03d}.txt"] = text
    makers.write_tar(folder / "a.tar", members)
    makers.write_tar(folder / "b.tar", {"0.png": good, "0.txt": b"whole", "1.png": good, "1.txt": b"lost"})
    with tarfile.open(folder / "b.tar") as tar:
        middle = tar.getmember("1.png").offset_data + len(good) // 2
    os.truncate(folder / "b.tar", middle)
    lines = [(stop[0], "stamps", "a.tar", row, stop[1]) for row, (*_, stop) in enumerate(samples) if stop]
    return [*lines, ("read", "stamps", "b.tar", -1, "file_truncated")]


def write_prompts(folder: Path, makers: Any) -> list[Line]:
    """Good and bad clips in a Parquet file."""
    import numpy as np
    import soundfile

    broken = io.BytesIO()
    soundfile.write(broken, np.full(8000, np.nan, np.float32), 16000, format="WAV", subtype="FLOAT")
    clips: list[tuple[bytes | None, str | None, tuple[str, str] | None]] = [
        (makers.clip(1), "fine", None),
        (makers.clip(2, seconds=0, file_format="WAV"), "zero length", ("normalise", "audio_empty")),
        (makers.clip(3, seconds=1 / 16000, file_format="WAV"), "one sample", ("normalise", "audio_too_short")),
        (makers.clip(4, seconds=3), "too long", ("normalise", "audio_too_long")),
        (b"", "no bytes", ("normalise", "audio_undecodable")),
        (b"RIFF....WAVEgarbage", "garbage", ("normalise", "audio_undecodable")),
        (broken.getvalue(), "not numbers", ("audio", "audio_not_finite")),
        (None, "no clip", ("read", "audio_missing")),
        (makers.clip(5), None, ("read", "text_missing")),
        (makers.clip(6), "  ", ("normalise", "text_empty")),
        (makers.clip(7, rate=8000), "another rate", None),
    ]
    makers.write_clips(folder / "prompts.parquet", [{"audio": audio, "text": text} for audio, text, _ in clips])
    return [(stop[0], "prompts", "prompts.parquet", row, stop[1]) for row, (*_, stop) in enumerate(clips) if stop]


def write_docs(folder: Path) -> list[Line]:
    """Good and bad lines of JSON."""
    lines: list[tuple[bytes, tuple[str, str] | None]] = [
        (b'{"text": "fine"}', None),
        (b'{"text": "caf\xe9"}', ("read", "utf8_invalid")),
        (b'{"text": ', ("read", "json_invalid")),
        (b'{"text": null}', ("read", "text_missing")),
        (b'{"text": 3}', ("read", "text_not_string")),
        (b'{"text": ""}', ("normalise", "text_empty")),
        (b'{"text": "' + b"long " * 20_000 + b'"}', ("read", "row_too_large")),
        ('{"text": "fîne"}'.encode(), None),
    ]
    (folder / "docs.jsonl").write_bytes(b"\n".join(line for line, _ in lines) + b"\n")
    return [(stop[0], "docs", "docs.jsonl", row, stop[1]) for row, (_, stop) in enumerate(lines) if stop]


@pytest.fixture(scope="module")
def bad(
    tmp_path_factory: pytest.TempPathFactory, tree: Callable[..., Any], prepared: Any, makers: Any, sources: list[Any]
) -> tuple[Path, Manifest, list[Line]]:
    """The dataset of three corpora with everything wrong that can be, and the lines that are due."""
    folder = tmp_path_factory.mktemp("bad")
    expected = write_docs(folder) + write_stamps(folder, makers) + write_prompts(folder, makers)
    paths = ("docs.jsonl", "*.tar", "prompts.parquet")
    mine = [source | {"path": f"{folder}/{path}"} for source, path in zip(sources, paths, strict=True)]
    limits = {"row_bytes": 90_000, "seconds": 2.0}
    return folder / "out", prepared(tree(folder / "out", sources=mine, limits=limits)), expected


def test_every_bad_row_is_listed_with_its_reason(bad: tuple[Path, Manifest, list[Line]]) -> None:
    out, _, expected = bad
    rows = pq.read_table(out / "dropped.parquet").to_pylist()
    found = [(row["stage"], row["source"], row["file"], row["row"], row["reason"]) for row in rows]
    assert sorted(found) == sorted(expected)
    assert all("\n" not in row["detail"] for row in rows)


def test_an_equal_run_elsewhere_is_equal_to_the_last_byte(
    bad: tuple[Path, Manifest, list[Line]], tree: Callable[..., Any], prepared: Any, contents: Any, tmp_path: Path
) -> None:
    out, manifest, _ = bad
    shutil.copytree(out.parent, tmp_path / "bad", ignore=shutil.ignore_patterns("out"))
    config = json.loads((out / "run.json").read_bytes())["config"]
    mine = [source | {"path": f"{tmp_path}/bad/{Path(source['path']).name}"} for source in config["sources"]]
    again = prepared(tree(tmp_path / "out", sources=mine, limits=config["limits"]))
    assert again.fingerprint == manifest.fingerprint
    assert contents(tmp_path / "out") == contents(out)
    details = [row["detail"] for row in pq.read_table(out / "dropped.parquet").to_pylist()]
    assert not [detail for detail in details if re.search(r" at 0x|/tmp|object at", detail)]


def test_the_ledger_balances_and_counts_them(bad: tuple[Path, Manifest, list[Line]]) -> None:
    out, manifest, expected = bad
    counted = [
        (line["stage"], line["source"], reason)
        for line in stats(manifest)["ledger"]
        for reason, count in line["dropped"].items()
        for _ in range(count)
    ]
    assert sorted(counted) == sorted((stage, source, reason) for stage, source, _, _, reason in expected)
    for line in stats(manifest)["ledger"]:
        assert line["rows_in"] == line["kept"] + sum(line["dropped"].values())
    assert verify(str(out))[1] == []


def test_the_good_rows_are_all_there(bad: tuple[Path, Manifest, list[Line]]) -> None:
    out, _, _ = bad
    dataset = Dataset(str(out))
    segments = [segment for index in range(dataset.rows) for segment in dataset.row(index).segments]
    found = sorted((segment["source"], segment["file"], segment["row"]) for segment in segments)
    stamps = [("stamps", "a.tar", 0), ("stamps", "a.tar", 12), ("stamps", "b.tar", 0)]
    docs = [("docs", "docs.jsonl", 0), ("docs", "docs.jsonl", 7)]
    assert found == sorted([*docs, *stamps, ("prompts", "prompts.parquet", 0), ("prompts", "prompts.parquet", 10)])


def test_pairs_too_long_come_with_advice_that_helps(
    bad: tuple[Path, Manifest, list[Line]], tree: Callable[..., Any], prepared: Any, sources: list[Any]
) -> None:
    out, manifest, _ = bad
    more = "`triptych show DATASET --dropped {} --source {}` lists them."
    assert advice(manifest) == [
        f"docs: 6 of 8 rows were dropped, 1 of them as text_empty; {more.format('text_empty', 'docs')}",
        "prompts: 9 of 11 rows were dropped, 2 of them as audio_undecodable; "
        + more.format("audio_undecodable", "prompts"),
        f"stamps: 12 of 15 rows were dropped, 2 of them as image_empty; {more.format('image_empty', 'stamps')}",
        "stamps: 1 of 4 pairs need more than row_length 512; row_length 1620 would keep 99 % of them.",
    ]
    mine, empty = [sources[1] | {"path": f"{out.parent}/a.tar"}], more.format("image_empty", "stamps")
    for length, lost, too_long in ((1620, 10, 0), (1619, 11, 1)):
        made = prepared(tree(out.parent / f"{length}", sources=mine, row_length=length))
        assert (
            advice(made)
            == [
                f"stamps: {lost} of 13 rows were dropped, 2 of them as image_empty; {empty}",
                "stamps: 1 of 3 pairs need more than row_length 1619; row_length 1620 would keep 99 % of them.",
            ][: 1 + too_long]
        )


def test_a_line_of_200_mb_is_a_ledger_line(text_tree: Any, prepared: Any, sources: list[Any], tmp_path: Path) -> None:
    with (tmp_path / "docs.jsonl").open("wb") as file:
        file.write(b'{"text": "before"}\n{"text": "')
        for _ in range(200):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n{"text": "after"}\n')
    source = sources[0] | {"path": str(tmp_path / "docs.jsonl")}
    manifest = prepared(text_tree(tmp_path / "out", sources=[source], partition_bytes=1 << 20))
    (row,) = pq.read_table(tmp_path / "out/dropped.parquet").to_pylist()
    assert (row["row"], row["reason"]) == (1, "row_too_large")
    assert manifest.statistics.sources["docs"].samples == 2


# imports come before rights go: the interpreter's own folder may be closed to that user
WITHOUT_RIGHTS = """
import os, sys
import fsspec.implementations.local, yaml
import triptych.cli.prepare, triptych.cli.progress, triptych.pipelines.prepare, triptych.schemas.config.load
import triptych.pipelines.sources.jsonl, triptych.pipelines.sources.folder
from triptych.cli.main import main
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
main()
"""


def test_a_folder_without_read_permission_is_refused(text_tree: Any, sources: list[Any], tmp_path_factory: Any) -> None:
    import tempfile

    import yaml

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        closed = folder / "docs/closed"
        closed.mkdir(parents=True)
        (closed / "a.jsonl").write_text('{"text": "secret"}\n')
        closed.chmod(0o000)
        source = sources[0] | {"path": f"{folder}/docs/*/*.jsonl"}
        run = text_tree(folder / "out", sources=[source], tokenizers={})
        (folder / "run.yaml").write_text(yaml.safe_dump(run))
        command = [sys.executable, "-c", WITHOUT_RIGHTS, "prepare", str(folder / "run.yaml")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert not (folder / "out").exists()
        closed.chmod(0o755)
    assert done.returncode == 2, done.stderr
    (paragraph,) = done.stderr.strip().splitlines()
    assert "sources.docs.path" in paragraph
    assert "this user may not read" in paragraph
    assert "closed" in paragraph


def test_details_are_json_and_short(bad: tuple[Path, Manifest, list[Line]]) -> None:
    out, _, _ = bad
    details = pq.read_table(out / "dropped.parquet")["detail"].to_pylist()
    assert all(len(detail) <= 300 for detail in details)
    json.dumps(details)
