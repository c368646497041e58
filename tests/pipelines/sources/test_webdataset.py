"""WebDataset tars: grouped as webdataset does, and none of a broken tar's samples lost."""

import ast
import bz2
import gzip
import io
import json
import lzma
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
import webdataset
from backports import zstd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from triptych.pipelines.sources import scattered
from triptych.pipelines.sources.base import Drop
from triptych.schemas.errors import Refusal

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


def named(names: Sequence[str]) -> list[tuple[str, bytes]]:
    """Members with their own names as content."""
    return [(name, name.encode()) for name in names]


def test_what_other_programs_put_beside_the_members_is_no_part_of_a_sample(
    tmp_path: Path, read: Callable[..., Read]
) -> None:
    names = ["./._set", "set/.DS_Store", "__MACOSX/set/._0.jpg", "set/PaxHeader/0.jpg", "./PaxHeaders.77/set/0.txt"]
    for n in range(3):
        names += [f"set/._{n}.jpg", f"set/{n}.jpg", f"set/._{n}.txt", f"set/PaxHeader/{n}.txt", f"set/{n}.txt"]
    (tmp_path / "a.tar").write_bytes(tar_bytes(named(names)))
    got = read(**config(tmp_path / "a.tar"))
    assert got.rows == [{"row": n, "text": f"set/{n}.txt", "image": f"set/{n}.jpg".encode()} for n in range(3)]
    assert not got.drops


def test_a_sample_whose_members_lie_apart_is_dropped_once(tmp_path: Path, read: Callable[..., Read]) -> None:
    names = [f"{n}.{end}" for end in ("jpg", "txt", "cls") for n in range(4)]
    names += ["x.jpg", "x.txt", "y.jpg", "z.jpg", "z.txt", "y.cls", "x.cls"]
    (tmp_path / "a.tar").write_bytes(tar_bytes(named(names)))
    for budget in (32 << 20, 300):
        got = read(budget=budget, **config(tmp_path / "a.tar"))
        assert got.column("text") == ["x.txt", "z.txt"]
        assert sorted(got.reasons.values()) == ["member_scattered"] * 4 + ["text_missing"]
        assert [drop.row for drop in got.drops if drop.reason == "member_scattered"] == [0, 1, 2, 3]
        assert all("tar --sort=name" in drop.detail for drop in got.drops[:4])


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


def test_names_that_come_twice_are_samples_of_their_own_where_they_are_whole(
    tmp_path: Path, read: Callable[..., Read]
) -> None:
    names = ["0.jpg", "0.txt", "1.jpg", "1.txt", "0.jpg", "0.txt", "2.jpg", "1.jpg", "2.jpg"]
    (tmp_path / "a.tar").write_bytes(tar_bytes(named(names)))
    got = read(**config(tmp_path / "a.tar"))
    assert got.column("row") == [0, 1, 2]
    assert got.reasons == {3: "text_missing", 4: "member_scattered", 5: "text_missing"}


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


@pytest.mark.parametrize("image", ["PNG", ".png", ".JPG;png", "gif; .PnG"])
def test_extensions_are_compared_without_case_and_leading_dots(
    tmp_path: Path, read: Callable[..., Read], image: str
) -> None:
    names = ["0.PNG", "0.TXT", "1.png", "1.txt", "2.Png", "2.Txt"]
    (tmp_path / "a.tar").write_bytes(tar_bytes(named(names)))
    assert read(**config(tmp_path / "a.tar", image=image, text=".Txt")).column("text") == ["0.TXT", "1.txt", "2.Txt"]


def test_extensions_of_several_dots_and_keys_keep_their_case(tmp_path: Path, read: Callable[..., Read]) -> None:
    members = [("a.b/0.Seg.PNG", b"1"), ("a.b/0.json", b'{"Caption": "x"}'), ("a.b/0.png", b"2")]
    (tmp_path / "a.tar").write_bytes(tar_bytes(members))
    for text in ("Caption", "json.Caption", "JSON.Caption"):
        got = read(**config(tmp_path / "a.tar", image="seg.png", text=text))
        assert got.rows == [{"row": 0, "text": "x", "image": b"1"}]
    (tmp_path / "a.tar").write_bytes(tar_bytes([*members, ("a.b/0.PNG", b"3")]))
    assert read(**config(tmp_path / "a.tar", text="Caption")).reasons == {0: "member_duplicate"}


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


def test_memory_for_samples_that_may_lie_apart_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scattered, "REMEMBERED", 10)
    apart = scattered.Apart()
    parts = [scattered.Part(str(n), frozenset({"image"}), Drop(n, "text_missing"), True) for n in range(30)]
    items = [item for part in parts for item in apart.add(part)]
    assert [item.row for item in items if isinstance(item, Drop)] == list(range(20))
    assert len([*apart.end()]) == 10
