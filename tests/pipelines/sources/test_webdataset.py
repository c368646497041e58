"""WebDataset tars: grouped as webdataset does, and none of a broken tar's samples lost."""

import ast
import gzip
import io
import json
import tarfile
from collections.abc import Callable, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
import webdataset
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from .conftest import Read


def config(path: Path | str, **more: Any) -> dict[str, Any]:
    spec = {"kind": "webdataset", "path": str(path), "modality": "image-text", "image": "jpg;png", "text": "txt"}
    spec |= more
    return {key: value for key, value in spec.items() if value is not None}


def tar_bytes(members: Sequence[tuple[str, bytes]], **options: Any) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **options) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def pairs(count: int, size: int = 700) -> list[tuple[str, bytes]]:
    return [
        m for n in range(count) for m in ((f"{n:05d}.jpg", bytes([n % 251]) * size), (f"{n:05d}.txt", b"no. %d" % n))
    ]


def test_what_img2dataset_writes_loads_as_it_is(tmp_path: Path, read: Callable[..., Read]) -> None:
    info = {"caption": "a red fox", "url": "https://e.org/1.jpg", "key": "000000000", "status": "success"}
    with webdataset.TarWriter(str(tmp_path / "00000.tar")) as writer:
        writer.write({"__key__": "000000000", "jpg": b"JPEG", "txt": "a fox", "json": info})
        writer.write({"__key__": "000000001", "jpg": b"JPG2", "txt": "", "json": info | {"caption": None}})
        writer.write({"__key__": "000000002", "json": info | {"status": "failed_to_download"}})
    path = tmp_path / "*.tar"
    assert read(**config(path, image="jpg")).rows == [
        {"row": 0, "text": "a fox", "image": b"JPEG"},
        {"row": 1, "text": "", "image": b"JPG2"},
    ]
    for name in ("json.caption", "caption"):
        got = read(**config(path, image="jpg", text=name))
        assert got.rows == [{"row": 0, "text": "a red fox", "image": b"JPEG"}]
        assert got.reasons == {1: "text_missing", 2: "image_missing"}
    got = read(**config(path, image="jpg", text="caption;txt"))
    assert got.column("text") == ["a red fox", ""]


def test_bad_samples_are_dropped_by_reason(tmp_path: Path, read: Callable[..., Read]) -> None:
    members = [
        ("a/1.jpg", b"J" * 1000),
        ("a/1.txt", b"one"),
        ("a/2.jpg", b"j"),
        ("a/2.txt", b"\xff"),
        ("a/3.txt", b"alone"),
        ("b/3.jpg", b"alone"),
        ("../4.png", b"above"),
        ("../4.txt", b"above"),
        ("/etc/5.JPG", b"absolute"),
        ("/etc/5.json", b'{"caption":"x"}'),
        ("6.jpg", b"1"),
        ("6.json", b"{bad"),
        ("7.jpg", b"1"),
        ("7.json", b'{"caption":7}'),
        ("8.jpg", b"1"),
        ("8.json", b'{"caption":"\\ud800"}'),
        ("9.jpg", b"1"),
        ("9.jpg", b"2"),
        ("9.txt", b"twice"),
        ("x.jpg", b"2" * 3000),
        ("x.txt", b"large"),
        ("y.jpg", b""),
        ("y.txt", b"empty picture"),
        ("no_ending", b"no sample"),
        ("__meta__/z.jpg", b"no sample"),
    ]
    path = tmp_path / "bad.tar"
    path.write_bytes(tar_bytes(members))
    before = sorted(tmp_path.iterdir())
    got = read(row_bytes=2000, **config(path, text="txt;caption"))
    assert got.rows == [
        {"row": 0, "text": "one", "image": b"J" * 1000},
        {"row": 4, "text": "above", "image": b"above"},
        {"row": 5, "text": "x", "image": b"absolute"},
        {"row": 11, "text": "empty picture", "image": b""},
    ]
    assert got.reasons == {
        1: "utf8_invalid",
        2: "image_missing",
        3: "text_missing",
        6: "json_invalid",
        7: "text_not_string",
        8: "utf8_invalid",
        9: "member_duplicate",
        10: "row_too_large",
    }
    assert sorted(tmp_path.iterdir()) == before  # nothing was unpacked


def test_triples_and_audio(tmp_path: Path, read: Callable[..., Read]) -> None:
    members = [("k.png", b"P"), ("k.flac", b"F"), ("k.txt", b"t"), ("l.png", b"P"), ("l.txt", b"t")]
    (tmp_path / "a.tar").write_bytes(tar_bytes(members))
    got = read(**config(tmp_path / "a.tar", modality="image-audio-text", audio="wav;flac"))
    assert got.rows == [{"row": 0, "text": "t", "image": b"P", "audio": b"F"}]
    assert got.reasons == {1: "audio_missing"}
    assert "png" in got.drops[0].detail


def outcome(got: Read) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    return got.rows, [(drop.row, drop.reason) for drop in got.drops]


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_compressed_tars_and_memory_urls(tmp_path: Path, read: Callable[..., Read], ending: str) -> None:
    data = tar_bytes(pairs(40))
    packed = {"": data, ".gz": gzip.compress(data), ".zst": pa.Codec("zstd").compress(data, asbytes=True)}[ending]
    fsspec.filesystem("memory").pipe_file(f"/wds/a.tar{ending}", packed)
    got = read(budget=2000, **config(f"memory://wds/a.tar{ending}"))
    assert got.column("row") == list(range(40))
    assert len(got.tables) == 20
    assert not got.drops


def test_a_tar_cut_anywhere_keeps_what_came_before(tmp_path: Path, read: Callable[..., Read]) -> None:
    full = tar_bytes(pairs(4))
    path = tmp_path / "a.tar"
    path.write_bytes(full)
    rows, _ = outcome(read(**config(path)))
    assert len(rows) == 4
    sample = 512 + 1024 + 512 + 512
    end = 4 * sample + 512  # one block of zeros ends a tar
    for cut in [*range(1, len(full), 211), *range(512, len(full), 512)]:
        path.write_bytes(full[:cut])
        got = read(**config(path))
        whole = (cut + 511 - 5) // sample if cut < 4 * sample else 4  # the last text's padding may be missing
        assert got.rows == rows[: len(got.rows)]
        assert len(got.rows) in {cut // sample, whole}
        assert got.reasons.get(-1) == ("file_truncated" if cut < end else None)
        assert set(got.reasons) <= {-1, len(got.rows)}


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_compressed_tar_cut_short(tmp_path: Path, read: Callable[..., Read], ending: str) -> None:
    data = tar_bytes([(name, bytes(range(256)) * 20 if name.endswith("jpg") else d) for name, d in pairs(300)])
    packed = gzip.compress(data) if ending == "gz" else pa.Codec("zstd").compress(data, asbytes=True)
    path = tmp_path / f"a.tar.{ending}"
    path.write_bytes(packed[: len(packed) // 2])
    got = read(**config(path))
    assert got.reasons[-1] == "file_truncated"
    assert 0 < len(got.rows) < 300
    assert got.column("row") == list(range(len(got.rows)))


def test_a_corrupt_header_is_not_taken_for_the_end(tmp_path: Path, read: Callable[..., Read]) -> None:
    data = bytearray(tar_bytes(pairs(4)))
    data[2560 + 3] ^= 0x55
    (tmp_path / "a.tar").write_bytes(data)
    got = read(**config(tmp_path / "a.tar"))
    assert got.column("row") == [0]
    assert got.reasons == {-1: "file_truncated"}
    assert "2560" in got.drops[0].detail


@pytest.mark.parametrize("content", [b"", b"hello", b"x" * 2000, b"\0" * 100])
def test_what_is_no_tar_is_one_drop(tmp_path: Path, read: Callable[..., Read], content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    got = read(**config(tmp_path / "a.tar"))
    assert (got.rows, got.reasons) == ([], {-1: "file_truncated"})


def test_tars_written_one_after_another_are_noticed(tmp_path: Path, read: Callable[..., Read]) -> None:
    (tmp_path / "a.tar").write_bytes(tar_bytes(pairs(2)) + tar_bytes(pairs(2)))
    got = read(**config(tmp_path / "a.tar"))
    assert got.column("row") == [0, 1]
    assert got.reasons == {-1: "file_truncated"}
    (tmp_path / "b.tar").write_bytes(tar_bytes([]))
    assert outcome(read(**config(tmp_path / "b.tar"))) == ([], [])


def test_an_absurd_header_is_refused_unread(tmp_path: Path, read: Callable[..., Read]) -> None:
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    (tmp_path / "a.tar").write_bytes(tar_bytes(pairs(1))[:2560] + name.tobuf(tarfile.GNU_FORMAT) + b"x" * 5000)
    got = read(**config(tmp_path / "a.tar"))
    assert got.column("row") == [0]
    assert "header of 8589934592 bytes" in got.drops[0].detail


def test_long_and_odd_names_group(tmp_path: Path, read: Callable[..., Read]) -> None:
    members = [
        ("d" * 150 + "/ü.jpg", b"1"),
        ("d" * 150 + "/ü.txt", b"long"),
        ("v1.0/a.left.jpg", b"2"),
        ("v1.0/a.txt", b"t"),
    ]
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        (tmp_path / "a.tar").write_bytes(tar_bytes(members, format=form))
        assert read(**config(tmp_path / "a.tar", image="jpg;left.jpg")).column("text") == ["long", "t"]


names = st.builds(
    lambda folder, base, ending: folder + base + ending,
    st.sampled_from(["", "a/", "a.b/", "./", "../", "/"]),
    st.sampled_from(["1", "2", "x", "", "__1__"]),
    st.sampled_from([".jpg", ".JPG", ".png", ".txt", ".json", ".a.txt", ".", ""]),
)


def adjacent(names: Sequence[str]) -> bool:
    """True if no sample's members lie apart."""
    keys = [key for key, _ in groupby(webdataset.tariterators.base_plus_ext(name)[0] for name in names)]
    return len({key for key in keys if key}) == len([key for key in keys if key])


@settings(deadline=None, max_examples=150)
@given(members=st.lists(names.filter(lambda name: name.strip("./")), max_size=12))
def test_samples_are_those_of_webdataset(
    tmp_path_factory: pytest.TempPathFactory, read: Callable[..., Read], members: list[str]
) -> None:
    members = [name for name in members if not name.rpartition("/")[2].startswith(".")]
    assume(adjacent(members))
    members += ["z.jpg", "z.txt"]
    path = tmp_path_factory.mktemp("tar") / "a.tar"
    data = [(name, json.dumps({"n": n}).encode()) for n, name in enumerate(members)]
    path.write_bytes(tar_bytes(data))
    doubled: list[Exception] = []

    def note(error: Exception) -> bool:
        doubled.append(error)
        return True

    source = webdataset.tariterators.tarfile_samples([{"url": str(path)}], handler=note)
    expected = [{k: v for k, v in sample.items() if not k.startswith("__")} for sample in source]
    got = read(**config(path))
    assert len(got.rows) + len(got.drops) == len(expected)
    assert ("member_duplicate" in got.reasons.values()) == bool(doubled)
    for row in got.rows:
        sample = expected[row["row"]]
        assert row["text"].encode() == sample["txt"]
        assert row["image"] == sample.get("jpg", sample.get("png"))
    for number, reason in got.reasons.items():
        if reason != "member_duplicate":
            assert "txt" not in expected[number] or not {"jpg", "png"} & set(expected[number])


def test_large_tars_and_large_members_are_read_in_bounded_memory(
    tmp_path: Path, growth: Callable[..., tuple[str, int]]
) -> None:
    small, large = tmp_path / "small.tar", tmp_path / "large.tar"
    small.write_bytes(tar_bytes(pairs(100, 50_000)))
    huge = tarfile.TarInfo("00000.jpg")
    huge.size = 100 << 20
    with large.open("wb") as file:
        file.write(huge.tobuf())
        for _ in range(100):
            file.write(bytes(1 << 20))
        file.write(tar_bytes([("00000.txt", b"its text"), *pairs(1000, 50_000)[2:]]))
    found, grown = growth(config(small), config(large))
    batches = ast.literal_eval(found)
    assert list(chain(*(rows for rows, _ in batches))) == list(range(1, 1000))
    assert list(chain(*(drops for _, drops in batches))) == [(0, "row_too_large")]
    assert grown < 32
