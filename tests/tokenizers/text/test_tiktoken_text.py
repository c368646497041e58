import inspect
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiktoken_ext import openai_public

from triptych.schemas.errors import Refusal
from triptych.tokenizers.text.huggingface_text import HuggingFaceText
from triptych.tokenizers.text.tiktoken_text import PATTERNS, TiktokenText

from .conftest import AWKWARD, any_text


@pytest.fixture(scope="module", params=sorted(PATTERNS))
def text(request: pytest.FixtureRequest, byte_level: Path) -> TiktokenText:
    return TiktokenText(str(byte_level), request.param)


@given(texts=st.lists(any_text, max_size=5))
def test_any_text_comes_back_and_bytes_add_up(text: TiktokenText, texts: list[str]) -> None:
    codes, offsets = text.encode(texts)
    assert (codes.dtype, offsets.dtype, len(offsets)) == (np.dtype(np.uint32), np.dtype(np.int64), len(texts) + 1)
    for start, stop, original in zip(offsets[:-1], offsets[1:], texts, strict=True):
        assert text.decode(codes[start:stop]) == original
        assert text.token_bytes[codes[start:stop]].sum() == len(original.encode())


@pytest.mark.parametrize("awkward", AWKWARD)
def test_awkward_text_comes_back(text: TiktokenText, awkward: str) -> None:
    codes, _ = text.encode([awkward])
    assert text.decode(codes) == awkward


def test_same_pieces_and_pattern_give_the_codes_of_the_other_library(byte_level: Path, manual: list[str]) -> None:
    ours, theirs = TiktokenText(str(byte_level), "gpt2"), HuggingFaceText(str(byte_level))
    np.testing.assert_array_equal(ours.encode(manual[:20])[0], theirs.encode(manual[:20])[0])


def test_patterns_are_those_of_tiktoken() -> None:
    assert PATTERNS["gpt2"] == openai_public.r50k_pat_str
    assert PATTERNS["cl100k_base"] in inspect.getsource(openai_public.cl100k_base)
    source = inspect.getsource(openai_public.o200k_base)
    alternatives = [part.split('"""')[0] for part in source.split('r"""')[1:]]
    assert PATTERNS["o200k_base"] == "|".join(alternatives)


def test_pattern_and_pieces_are_in_the_fingerprint(byte_level: Path, tmp_path: Path) -> None:
    lines = (byte_level / "text.tiktoken").read_text().splitlines()
    fewer = tmp_path / "fewer.tiktoken"
    fewer.write_text("\n".join(lines[:-1]))
    prints = {TiktokenText(str(byte_level), pattern).fingerprint for pattern in PATTERNS}
    assert len(prints | {TiktokenText(str(fewer), "gpt2").fingerprint}) == len(PATTERNS) + 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("IQ== 0\n", "byte 0 has no rank"),
        ("", "byte 0 has no rank"),
        ("IQ== zero\n", "line 1 is not a base64 piece"),
        ("IQ==\n", "line 1 is not a base64 piece"),
        ("\n***** 1\n", "line 2 is not a base64 piece"),
    ],
)
def test_no_rank_file_is_refused(tmp_path: Path, content: str, why: str) -> None:
    file = tmp_path / "text.tiktoken"
    file.write_text(content)
    with pytest.raises(Refusal, match=why):
        TiktokenText(str(file), "gpt2")


def test_a_shared_rank_is_refused(byte_level: Path, tmp_path: Path) -> None:
    lines = (byte_level / "text.tiktoken").read_text().splitlines()
    lines[-1] = f"{lines[-1].split()[0]} 300"
    file = tmp_path / "shared.tiktoken"
    file.write_text("\n".join(lines))
    with pytest.raises(Refusal, match="share a rank"):
        TiktokenText(str(file), "gpt2")
