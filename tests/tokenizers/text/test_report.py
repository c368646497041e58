from pathlib import Path

import pytest

from triptych.tokenizers.text.report import text_report
from triptych.tokenizers.text.sentencepiece_text import SentencePieceText


class Lossy(SentencePieceText):
    """Loses one text of every two: what a report must show."""

    def decode(self, codes: object) -> str:
        text = super().decode(codes)  # type: ignore[arg-type]
        return text.replace("lost", "")


def test_a_tokenizer_that_keeps_text(trained: Path, manual: list[str]) -> None:
    tokenizer = SentencePieceText(str(trained))
    report = text_report(tokenizer, manual)
    codes, _ = tokenizer.encode(manual)
    size = sum(len(text.encode()) for text in manual)
    assert report["exact"] == 1
    assert (report["n"], report["bytes"], report["size"]) == (len(manual), size, tokenizer.size)
    assert report["bytes_per_token"] == pytest.approx(size / len(codes))
    assert report["ids_used"] == len(set(codes.tolist()))


def test_a_tokenizer_that_loses_text(trained: Path) -> None:
    assert text_report(Lossy(str(trained)), ["kept", "lost"])["exact"] == 0.5


def test_no_tokens(trained: Path) -> None:
    report = text_report(SentencePieceText(str(trained)), ["", ""])
    assert (report["bytes_per_token"], report["ids_used"], report["exact"]) == (None, 0, 1)
