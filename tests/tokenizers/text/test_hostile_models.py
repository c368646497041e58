"""Text tokenizers that never end, or claim what would fill the memory: refused with a reason."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.errors import Refusal
from triptych.tokenizers.text.huggingface_text import HuggingFaceText
from triptych.tokenizers.text.model_file import MOST_BYTES
from triptych.tokenizers.text.sentencepiece_text import SentencePieceText
from triptych.tokenizers.text.tiktoken_text import TiktokenText


def tokenizer_json(path: Path, pattern: str | None, vocabulary: dict[str, int]) -> str:
    split: dict[str, Any] = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    model = {"type": "BPE", "vocab": vocabulary, "merges": []}
    tree: dict[str, Any] = {"version": "1.0", "added_tokens": [], "pre_tokenizer": pattern and split, "model": model}
    path.write_text(json.dumps(tree))
    return str(path)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(x+x+)+y"])
def test_a_pattern_that_never_ends_is_refused(tmp_path: Path, pattern: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = tokenizer_json(tmp_path / "tokenizer.json", pattern, {"a": 0, "b": 1})
    with pytest.raises(Refusal, match="a regular expression of the file takes for ever"):
        HuggingFaceText(path)
    assert capfd.readouterr().err == ""


def test_a_pattern_that_fails_on_a_text_ends_in_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("triptych.tokenizers.text.huggingface_text.require_patterns_end", lambda data, path: None)
    model = HuggingFaceText(tokenizer_json(tmp_path / "tokenizer.json", "(a+)+$", {"a": 0, "b": 1}))
    with pytest.raises(Refusal, match="a regular expression of the file takes for ever"):
        model.encode(["a" * 200 + "b"])
    assert capfd.readouterr().err == ""


def test_an_ordinary_pattern_is_taken(tmp_path: Path) -> None:
    pattern = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
    assert HuggingFaceText(tokenizer_json(tmp_path / "tokenizer.json", pattern, {"a": 0, "b": 1})).size == 2


@pytest.mark.parametrize("vocabulary", [{}, {"a": 0, "b": 4_294_967_295}, {"a": 0, "b": 400_000_000}])
def test_ids_far_beyond_the_pieces_are_refused(tmp_path: Path, vocabulary: dict[str, int]) -> None:
    with pytest.raises(Refusal, match=r"has \d pieces with ids up to"):
        HuggingFaceText(tokenizer_json(tmp_path / "tokenizer.json", None, vocabulary))


@pytest.mark.parametrize("rank", ["4000000000", "9" * 30])
def test_ranks_far_beyond_the_pieces_are_refused(tmp_path: Path, rank: str) -> None:
    single = "".join(f"{base64.b64encode(bytes([byte])).decode()} {byte}\n" for byte in range(256))
    (tmp_path / "text.tiktoken").write_text(f"{single}YWI= {rank}\n")
    with pytest.raises(Refusal, match="has 257 pieces with ids up to"):
        TiktokenText(str(tmp_path), "gpt2")


def test_a_file_that_is_no_tokenizer_by_its_size_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "text.model").open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # without blocks on disk
    with pytest.raises(Refusal, match="no text tokenizer has more than"):
        SentencePieceText(str(tmp_path))
