"""WebDataset tars: values of samples, drops by reason, and what is looked at before any work."""

import bz2
import gzip
import io
import lzma
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
import webdataset
from backports import zstd

from triptych.schemas.errors import Refusal

from .conftest import Read
from .tars import config, pairs, tar_bytes


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


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_compressed_tars_and_memory_urls(tmp_path: Path, read: Callable[..., Read], ending: str) -> None:
    data = tar_bytes(pairs(40))
    packed = {"": data, ".gz": gzip.compress(data), ".zst": pa.Codec("zstd").compress(data, asbytes=True)}[ending]
    fsspec.filesystem("memory").pipe_file(f"/wds/a.tar{ending}", packed)
    got = read(budget=2000, **config(f"memory://wds/a.tar{ending}"))
    assert got.column("row") == list(range(40))
    assert len(got.tables) == 20
    assert not got.drops


def test_batches_do_not_depend_on_when_a_drop_is_known(tmp_path: Path, read: Callable[..., Read]) -> None:
    members = [member for n, member in enumerate(pairs(60)) if n % 7]
    (tmp_path / "a.tar").write_bytes(tar_bytes(members))
    got = read(budget=3000, **config(tmp_path / "a.tar"))
    used, batches = 0, [0]
    kept = {row["row"] for row in got.rows}
    for row in range(60):
        size = 700 + len(f"no. {row}") if row in kept else 128
        if used + size > 3000:
            batches.append(0)
            used = 0
        used += size
        batches[-1] += row in kept
    assert [len(table) for table in got.tables if len(table)] == batches


def test_the_first_tars_are_looked_at_before_any_work(tmp_path: Path, opened: Callable[..., Any]) -> None:
    members = [(f"{n}.{end}", b'{"caption": "x"}') for n in range(3) for end in ("JPG", "json")]
    for name in ("a.tar", "b.tar"):
        (tmp_path / name).write_bytes(tar_bytes(members))
    with pytest.raises(Refusal) as refused:
        opened(**config(tmp_path / "*.tar", image="png", text="caption")).units()
    assert str(refused.value) == (
        "`sources.src.image` is 'png': the first tars (a.tar, b.tar) have no such member. Their members have the "
        "extensions .jpg (6), .json (6). Use one of them."
    )
    with pytest.raises(Refusal, match=r"`sources.src.text` is 'txt'.*and the .json members the keys caption"):
        opened(**config(tmp_path / "*.tar")).units()
    assert len(opened(**config(tmp_path / "*.tar", text="caption")).units()) == 2
    (tmp_path / "b.tar").write_bytes(tar_bytes([("0.png", b""), ("0.txt", b"")]))
    assert len(opened(**config(tmp_path / "*.tar", image="png")).units()) == 2
    (tmp_path / "c.tar").write_bytes(tar_bytes(members)[:5000])
    assert len(opened(**config(tmp_path / "c.tar", image="png")).units()) == 1  # what was cut may have some


def test_a_byte_order_mark_is_no_part_of_a_member(tmp_path: Path, read: Callable[..., Read]) -> None:
    bom = "\ufeff"
    members = [("0.jpg", b"1"), ("0.txt", f"{bom}a caption".encode()), ("0.lic", f"{bom}MIT".encode())]
    members += [("1.jpg", b"1"), ("1.json", (bom + '{"caption": "in JSON", "lic": "BSD"}').encode())]
    (tmp_path / "a.tar").write_bytes(tar_bytes(members))
    got = read(**config(tmp_path / "a.tar", text="txt;caption", license="lic"))
    assert got.column("text") == ["a caption", "in JSON"]
    assert got.column("license") == ["MIT", "BSD"]


def test_links_are_dropped_by_name_and_other_members_passed_over(tmp_path: Path, read: Callable[..., Read]) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind in [("0.jpg", tarfile.LNKTYPE), ("1.jpg", tarfile.SYMTYPE), ("2.jpg", tarfile.REGTYPE)]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "" if kind == tarfile.REGTYPE else "9.jpg"
            tar.addfile(info)
            text = tarfile.TarInfo(name.replace("jpg", "txt"))
            text.size = 1
            tar.addfile(text, io.BytesIO(b"x"))
            pipe = tarfile.TarInfo(name.replace("jpg", "pipe.jpg"))
            pipe.type = tarfile.FIFOTYPE
            tar.addfile(pipe)
    (tmp_path / "a.tar").write_bytes(out.getvalue())
    got = read(**config(tmp_path / "a.tar"))
    assert got.column("row") == [2]
    assert got.reasons == {0: "member_is_link", 1: "member_is_link"}
    assert "--hard-dereference" in got.drops[0].detail


@pytest.mark.parametrize("form", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_formats_and_sparse_members_of_gnu_tar(tmp_path: Path, read: Callable[..., Read], form: str) -> None:
    if shutil.which("tar") is None:
        pytest.skip("needs tar")
    sparse = bytes(1 << 20) + b"end" + bytes(1 << 20)
    with (tmp_path / "0.jpg").open("wb") as file:
        file.truncate(len(sparse))
        file.seek(1 << 20)
        file.write(b"end")
    (tmp_path / "0.txt").write_text("x")
    command = ["tar", "-cf", "a.tar", f"--format={form}", *(["-S"] if "gnu" in form or form == "posix" else [])]
    made = subprocess.run([*command, "0.jpg", "0.txt"], cwd=tmp_path, capture_output=True, check=False)
    if made.returncode:
        pytest.skip("needs GNU tar")
    assert read(**config(tmp_path / "a.tar")).rows == [{"row": 0, "text": "x", "image": sparse}]


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_a_tar_may_be_compressed_by_anything_under_any_name(
    tmp_path: Path, read: Callable[..., Read], compress: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "a.tar").write_bytes(compress(tar_bytes(pairs(3))))
    assert len(read(**config(tmp_path / "a.tar")).rows) == 3
