"""What a report says: which figures stand beside each other, and with how many digits."""

import json
import math

from triptych.train.evaluate.report.metric import Metric
from triptych.train.evaluate.report.not_measured import NotMeasured
from triptych.train.evaluate.report.report import (
    Report,
    cells,
    faults,
    number,
    report_of,
    to_json,
    verdicts,
    with_error,
)

FACTS = {"command": "triptych evaluate 'runs/<a>'", "run": "runs/<a>", "model": {"objective": "masked"}, "n": 2}


def row(name: str, value: float, error: float | None = None, floor: float | None = None, unit: str = "") -> Metric:
    return Metric("images", name, value, error, 16, unit, "higher", floor, "how <it> was done")


def whole() -> Report:
    lack = NotMeasured("speech", "DNSMOS", "needs <librosa>")
    return report_of(FACTS, [row("score", 1.5, 0.25, 2.0), lack], [row("score", 0.5, 0.1)])


def test_rows_stand_beside_the_same_rows_of_the_control() -> None:
    mine: list[Metric | NotMeasured] = [
        row("a", 1.0, unit="bits"),
        row("a", 2.0, unit="bytes"),
        NotMeasured("text", "MAUVE", "why"),
    ]
    theirs: list[Metric | NotMeasured] = [
        row("a", 4.0, unit="bytes"),
        row("b", 5.0),
        NotMeasured("text", "MAUVE", "why"),
        NotMeasured("text", "x", "y"),
    ]
    report = report_of({}, mine, theirs)
    assert [line.control and line.control.value for line in report.lines] == [None, 4.0]
    assert [one.name for one in report.missing] == ["MAUVE", "x (control)", "b"]


def test_numbers_have_the_digits_that_their_errors_leave() -> None:
    assert with_error(row("", 12.34567, 0.0321)) == "12.346 ± 0.032"
    assert with_error(row("", 0.0123456, 0.00098)) == "0.01235 ± 0.00098"
    assert with_error(row("", 12345.6, 1234.5)) == "12,346 ± 1,234"
    assert with_error(row("", 0.5, 1.23e-8)) == "0.500000 ± 1.2e-08"
    share = Metric("images", "a", 0.25, 0.1, 12, "accuracy", "higher", interval=(0.0889, 0.532))
    assert with_error(share) == "0.25 [0.09, 0.53]"
    assert (number(123.456, None), number(0.00123456, None), number(math.inf, None)) == ("123.5", "0.001235", "∞")


def test_cells_say_which_way_is_better() -> None:
    report = whole()
    assert cells(report.lines[0]) == ("images", "score ↑", "1.50 ± 0.25", "", "16", "2.00", "0.50 ± 0.10")


def test_json_has_everything_and_no_numbers_that_json_has_not() -> None:
    tree = json.loads(json.dumps(to_json(report_of(FACTS, [row("psnr", math.inf)])), allow_nan=False))
    assert tree["rows"] == [
        {"group": "images", "name": "psnr", "value": None, "error": None, "n": 16, "unit": "", "better": "higher"}
        | {"floor": None, "note": "how <it> was done", "interval": None, "baseline": None}
        | {"control": None}
    ]
    assert to_json(whole())["rows"][0]["control"]["value"] == 0.5
    assert to_json(whole())["missing"] == [
        {"group": "speech", "name": "DNSMOS", "why": "needs <librosa>", "fault": False}
    ]


def test_a_fault_of_the_control_is_one_of_the_report() -> None:
    report = report_of(FACTS, [], [NotMeasured("text", "all figures", "failed", fault=True)])
    assert [one.name for one in faults(report)] == ["all figures (control)"]
    assert not faults(whole())


def test_held_out_bits_are_told_in_words() -> None:
    def bits(value: float, error: float) -> Metric:
        return Metric("held out", "docs, text", value, error, 16, "bits per token", "lower", baseline=8.0)

    def told(mine: Metric, *control: Metric) -> str:
        (line,) = verdicts(report_of({}, [mine], control))
        return line

    assert told(bits(6.0, 0.1)) == (
        "docs, text: 6.00 bits per token, unigram baseline 8.00: 25% better than the unigram baseline."
    )
    assert told(bits(6.0, 0.1), bits(5.0, 0.1)).endswith("; worse than the control, 5.00.")
    assert told(bits(6.0, 0.1), bits(6.2, 0.1)).endswith("; about as good as the control, 6.20.")
    assert told(bits(6.0, 0.1), bits(7.0, 0.1)).endswith("; better than the control, 7.00.")
    assert "worse than the unigram baseline, so trained too little" in told(bits(9.0, 0.1))
    assert verdicts(whole()) == []


def test_a_figure_that_should_be_that_of_real_data_has_no_arrow() -> None:
    entropy = Metric("text", "unigram entropy", 2.0, None, 3, "nats", "neither", 2.5)
    assert cells(report_of({}, [entropy]).lines[0])[1] == "unigram entropy"
