"""A model file is found by its own path and by that of its folder, on disk and elsewhere."""

from pathlib import Path

import fsspec
import pytest

from triptych.schemas.errors import Refusal
from triptych.tokenizers.text.model_file import read_model


def test_a_file_and_its_folder_give_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "text.model").write_bytes(b"\x00pieces")
    (tmp_path / "other.model").write_bytes(b"others")
    for path in (tmp_path / "text.model", tmp_path, f"{tmp_path}/", f"file://{tmp_path}"):
        assert read_model(str(path), "text.model") == b"\x00pieces"
    # a file that is given by its own path may have any name
    assert read_model(str(tmp_path / "other.model"), "text.model") == b"others"


def test_a_url_is_read_from_its_own_file_system(tmp_path: Path) -> None:
    url = f"memory://model-file/{tmp_path.name}"
    with fsspec.open(f"{url}/ranks.tiktoken", "wb") as sink:
        sink.write(b"IQ== 0\n")
    assert read_model(f"{url}/ranks.tiktoken", "text.model") == b"IQ== 0\n"
    assert read_model(url, "ranks.tiktoken") == b"IQ== 0\n"


@pytest.mark.parametrize("given", ["missing", "folder"])
def test_what_is_not_there_is_refused_with_the_name_to_give(tmp_path: Path, given: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Refusal) as caught:
        read_model(str(tmp_path / given), "text.model")
    assert f"text tokenizer `{tmp_path / given}`" in str(caught.value)
    assert "FileNotFoundError" in str(caught.value)
    assert "path of a text.model file" in str(caught.value)
