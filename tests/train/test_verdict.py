"""How a training went, in words, and the log of one without a terminal."""

import pytest

from triptych.train.plain_log import PlainLog, duration
from triptych.train.verdict import verdict


def validation(step: int, weights: str, **bits: float | None) -> dict[str, object]:
    return {"step": step, "split": "validation", "weights": weights, "nelbo": bits}


def test_each_modality_is_set_beside_its_baseline() -> None:
    lines = [
        {"step": 9, "nelbo": {"text": 1.0}},
        validation(6, "ema", text=1.0),
        validation(9, "raw", text=2.0),
        validation(9, "ema", text=9.0, image=8.0, audio=6.0),
    ]
    text, image, audio = verdict(lines, {"text": 8.0, "image": 8.1, "audio": 8.0})
    assert text == (
        "Held-out text: 9.00 bits per token, unigram baseline 8.00: worse than the unigram baseline, so trained too "
        "little."
    )
    assert "about the unigram baseline" in image
    assert audio.endswith("25% better than the unigram baseline.")


def test_codebooks_are_set_beside_theirs() -> None:
    line = validation(9, "raw", audio=3.0) | {"nelbo_by_codebook": {"audio0": 2.0, "audio1": 4.0}}
    audio, books = verdict([line], {"audio": 4.5, "audio0": 5.0, "audio1": 4.0})
    assert audio.endswith("33% better than the unigram baseline.")
    assert books == "Held-out audio by codebook, bits per token (unigram baseline): 2.00 (5.00), 4.00 (4.00)."
    one = line | {"nelbo_by_codebook": {"audio0": 2.0}}
    assert len(verdict([one], {})) == 1


def test_the_control_is_named_where_there_is_one() -> None:
    mine = validation(9, "ema", text=9.0, image=8.0, audio=6.0) | {"nelbo_error": {"text": 0.1, "image": 0.3}}
    control = validation(9, "ema", text=8.0, image=8.5) | {"nelbo_error": {"text": 0.1, "image": 0.2}}
    text, image, audio = verdict([mine], {"text": 10.0}, control)
    assert text.endswith("10% better than the unigram baseline; worse than the control, 8.00.")
    assert image == "Held-out image: 8.00 bits per token; about as good as the control, 8.50."
    assert audio == "Held-out audio: 6.00 bits per token."
    assert verdict([control], {}, mine)[0].endswith("; better than the control, 9.00.")


def test_without_a_validation_or_a_baseline_nothing_is_claimed() -> None:
    assert verdict([{"step": 9, "nelbo": {"text": 1.0}}], {}) == []
    assert verdict([validation(9, "raw", text=2.0)], {}) == ["Held-out text: 2.00 bits per token."]
    assert "diverged" in verdict([validation(9, "raw", text=None)], {"text": 1.0})[0]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (200_000, "2 d 7 h")]
)
def test_durations_have_two_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_log_without_a_terminal_has_a_line_a_logged_step(capsys: pytest.CaptureFixture[str]) -> None:
    line = {"loss": 6.5, "nelbo": {"text": 7.4567}, "grad_norm": 0.5, "tokens_per_second": 12345.6, "mfu": 0.4}
    with PlainLog(20, 5, shown=True, start="training runs/first") as log:
        log.show(10, line)
        log.validated(validation(10, "ema", text=8.0))
    first, step, validated = capsys.readouterr().err.splitlines()
    assert first == "training runs/first"
    assert step.startswith(
        "step 10 of 20: loss 6.500, bits per token text 7.457, gradient norm 0.50, 12,346 tokens/s, "
    )
    assert validated.endswith("moving average of the weights: bits per token text 8.000")
    with PlainLog(20, 5, shown=False, start="training") as log:
        log.show(10, line)
    assert capsys.readouterr().err == ""
