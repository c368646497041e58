"""Members of a tar are read in order; damage, links and oversized headers are told from its end."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.sources.batches import BadRow
from triptych.pipelines.sources.streams import Broken, ByteStream
from triptych.pipelines.sources.tar_members import HEADER_BYTES, Member, extension_of, tar_members


def write(path: Path, members: dict[str, bytes], **options: Any) -> Path:
    with tarfile.open(path, "w", **options) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def read(path: Path, longest: int = 1000) -> list[Member]:
    with ByteStream(str(path)) as stream:
        return list(tar_members(stream, frozenset({"txt"}), longest))


def test_only_wanted_members_have_their_content(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.tar", {"d.x/1.TXT": b"text", "d.x/1.jpg": b"picture"}))
    assert found == [Member("d.x/1.TXT", b"text"), Member("d.x/1.jpg", b"")]
    assert [member.extension for member in found] == ["txt", "jpg"]


def test_an_extension_begins_at_the_first_dot_of_the_file() -> None:
    assert extension_of("a.b/c.seg.PNG") == "seg.png"
    assert extension_of("a.b/c") == ""


def test_what_archivers_put_beside_the_files_is_no_member(tmp_path: Path) -> None:
    beside = ("._1.txt", "d/.DS_Store", "__MACOSX/1.txt", "PaxHeaders.7/1.txt", "__meta__/1.txt")
    assert [member.name for member in read(write(tmp_path / "a.tar", dict.fromkeys((*beside, "1.txt"), b"x")))] == [
        "1.txt"
    ]


def test_a_large_member_and_a_link_are_bad_rows_and_the_next_member_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", {"big.txt": b"x" * 1001, "edge.txt": b"x" * 1000})
    with tarfile.open(path, "a") as tar:
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    big, edge, linked = read(path)
    assert isinstance(big.content, BadRow)
    assert big.content.reason == "row_too_large"
    assert edge.content == b"x" * 1000
    assert isinstance(linked.content, BadRow)
    assert linked.content.reason == "member_is_link"


def test_a_damaged_header_is_not_the_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", {"1.txt": b"a", "2.txt": b"b"})
    data = bytearray(path.read_bytes())
    data[1024 + 10] ^= 0xFF  # in the header of the second member
    path.write_bytes(data)
    with pytest.raises(Broken, match="byte 1024"):
        read(path)


def test_data_behind_the_end_are_damage(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", {"1.txt": b"a"})
    path.write_bytes(path.read_bytes() + b"more" * 200)
    with pytest.raises(Broken, match="more data after the end"):
        read(path)


def test_a_huge_long_name_is_refused_before_it_is_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, HEADER_BYTES + 1
    path = tmp_path / "a.tar"
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(Broken, match=f"a header of {HEADER_BYTES + 1} bytes"):
        read(path)
