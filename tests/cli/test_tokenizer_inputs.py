"""Inputs of `triptych tokenizer` from files: each once, ranked by content alone, and what cannot be read is counted."""

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest

from triptych.cli.tokenizer_inputs import open_inputs
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import Modality

from ..corpora import Makers


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    for number in range(9):
        (tmp_path / ("deep" if number % 2 else "") / f"{number}.txt").write_text(f"text {number}")
    (tmp_path / "other.md").write_text("of another kind")
    return tmp_path


def test_the_order_of_rows_depends_on_their_content_alone(texts: Path) -> None:
    inputs = open_inputs("text", None, [str(texts)], [])
    every = {f"text {number}" for number in range(9)}
    assert set(inputs.all_texts()) == every
    first, last = inputs.texts(inputs.first(4)), inputs.texts(inputs.last(5))
    assert {*first, *last} == every
    assert first + last == inputs.texts(inputs.first(9))
    files = sorted(texts.rglob("*.txt"), reverse=True)
    for number, file in enumerate(files):
        file.rename(texts / f"renamed-{number}.txt")
    assert inputs.texts(open_inputs("text", None, [str(texts)], []).first(4)) == first


def test_rows_that_cannot_be_read_are_counted_by_reason(tmp_path: Path, makers: type[Makers]) -> None:
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "good.txt").write_text("good")
    (tmp_path / "huge.txt").write_bytes(b"a" * 2000)
    inputs = open_inputs("text", None, [str(tmp_path)], ["limits.row_bytes=1000"])
    assert inputs.texts(list(inputs.rows())) == ["good"]
    assert inputs.skipped == {"row_too_large": 1, "utf8_invalid": 1}
    (tmp_path / "a.png").write_bytes(makers.picture(0))
    (tmp_path / "b.PNG").write_bytes(b"no picture")
    inputs = open_inputs("image", None, [str(tmp_path)], [])
    pixels = inputs.pictures(list(inputs.rows()), 16)
    assert pixels.shape == (1, 16, 16, 3)
    assert pixels.dtype == np.uint8
    assert inputs.skipped.total() == 1
    assert inputs.pictures([], 16).shape == (0, 16, 16, 3)


def test_texts_are_decompressed(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("\ufeffone".encode()))
    (tmp_path / "b.TXT.xz").write_bytes(lzma.compress(b"two"))
    (tmp_path / "c.txt").write_bytes(bz2.compress(b"three"))
    (tmp_path / "d.txt.gz").write_bytes(gzip.compress(bytes(2000)))
    (tmp_path / "e.txt.gz").write_bytes(gzip.compress(b"cut")[:-4])
    inputs = open_inputs("text", None, [str(tmp_path)], ["limits.row_bytes=1000"])
    assert inputs.texts(list(inputs.rows())) == ["one", "two", "three"]
    assert inputs.skipped == {"row_too_large": 1, "file_truncated": 1}
    (tmp_path / "f.txt").write_bytes(b"7z\xbc\xaf\x27\x1c")
    with pytest.raises(Refusal, match=r"f.txt is a file in the format 7z, which is not read"):
        list(open_inputs("text", None, [str(tmp_path)], []).rows())


def test_an_override_leaves_the_kind_as_it_is(texts: Path) -> None:
    inputs = open_inputs("text", None, [str(texts)], ["tokenizers.text.vocab_size=300", "seed=7"])
    assert (inputs.modality, inputs.settings.seed, inputs.tokenizer.vocab_size) == (Modality.TEXT, 7, 300)


def test_paths_without_inputs_are_refused(texts: Path) -> None:
    with pytest.raises(Refusal, match=r"nowhere: no such file or folder"):
        open_inputs("text", None, [str(texts / "nowhere")], [])
    with pytest.raises(Refusal, match=r"contains no file that ends in \.wav"):
        open_inputs("audio", None, [str(texts)], [])
