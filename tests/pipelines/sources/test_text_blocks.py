"""Text in UTF-16 and UTF-32: what is before a place where it is invalid is read, and the rest is dropped by name."""

import codecs
from collections.abc import Callable
from pathlib import Path

import pytest

from triptych.pipelines.sources.streams import Broken
from triptych.pipelines.sources.text_blocks import text_blocks

from .conftest import Read


def test_invalid_utf32_ends_a_file_where_it_is(tmp_path: Path, read: Callable[..., Read]) -> None:
    good = b'{"text":"a"}\n{"text":"b'.decode()
    (tmp_path / "a.jsonl").write_bytes(codecs.BOM_UTF32_LE + good.encode("utf-32-le") + b"\xff" * 8)
    found = read(kind="jsonl", path=str(tmp_path / "a.jsonl"), modality="text", text="text")
    assert found.column("text") == ["a"]
    assert found.reasons == {-1: "file_truncated"}
    assert "utf-32-le is invalid" in found.drops[-1].detail


@pytest.mark.parametrize("cut", [1, 5, 100])
@pytest.mark.parametrize(("encoding", "mark"), [("utf-32-le", codecs.BOM_UTF32_LE), ("utf-32-be", codecs.BOM_UTF32_BE)])
def test_all_before_an_invalid_place_is_yielded_in_blocks_of_any_size(encoding: str, mark: bytes, cut: int) -> None:
    data = mark + "è\n日本".encode(encoding) + b"\xff" * 4 + "more".encode(encoding)
    blocks = text_blocks((data[at : at + 8 * cut] for at in range(0, len(data), 8 * cut)), "none")
    seen: list[bytes] = []
    with pytest.raises(Broken, match="is invalid"):
        seen.extend(blocks)
    assert b"".join(seen).decode() == "è\n日本"
