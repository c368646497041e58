"""What a report says, and that its page needs nothing and trusts nothing."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from triptych.train.evaluate.report.exhibits import Exhibit, png, wav
from triptych.train.evaluate.report.html_page import page
from triptych.train.evaluate.report.metric import Metric
from triptych.train.evaluate.report.not_measured import NotMeasured
from triptych.train.evaluate.report.report import Line, Report, cells, number, report_of, to_json, with_error

FACTS = {"command": "triptych evaluate 'runs/<a>'", "run": "runs/<a>", "model": {"objective": "masked"}, "n": 2}
EVIL = "</pre><script>alert('x')</script> & \"quoted\""


def row(name: str, value: float, error: float | None = None, floor: float | None = None, unit: str = "") -> Metric:
    return Metric("images", name, value, error, 16, unit, "higher", floor, "how <it> was done")


def whole() -> Report:
    picture = png(np.zeros((16, 16, 3), np.uint8))
    clip = wav(np.zeros(800, np.float32), 8000)
    shown = [
        Exhibit("images", EVIL, picture, picture),
        Exhibit("speech", "seven", clip, clip),
        Exhibit("text", "", EVIL, "real"),
    ]
    lack = NotMeasured("speech", "DNSMOS", "needs <librosa>")
    return report_of(FACTS, [row("score", 1.5, 0.25, 2.0), lack, *shown], [row("score", 0.5, 0.1)])


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
    assert with_error(row("", 0.5, 0.0)) == "0.5000 ± 0"
    assert (number(123.456, None), number(0.00123456, None), number(math.inf, None)) == ("123.5", "0.001235", "∞")


def test_cells_say_which_way_is_better() -> None:
    report = whole()
    assert cells(report.lines[0]) == ("images", "score ↑", "1.50 ± 0.25", "", "16", "2.00", "0.50 ± 0.10")


def test_json_has_everything_and_no_numbers_that_json_has_not() -> None:
    tree = json.loads(json.dumps(to_json(report_of(FACTS, [row("psnr", math.inf)])), allow_nan=False))
    assert tree["rows"] == [
        {"group": "images", "name": "psnr", "value": None, "error": None, "n": 16, "unit": "", "better": "higher"}
        | {"floor": None, "note": "how <it> was done", "control": None}
    ]
    assert to_json(whole())["rows"][0]["control"]["value"] == 0.5
    assert to_json(whole())["missing"] == [{"group": "speech", "name": "DNSMOS", "why": "needs <librosa>"}]


class Reader(HTMLParser):
    """Notes tags, sources and text, and that every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_by_itself_and_escapes_all_that_is_not_ours() -> None:
    html = page(whole())
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    assert "script" not in reader.tags
    inside = [source for source in reader.sources if source.startswith("data:")]
    assert len(inside) == 4
    assert all(source.startswith(("data:image/png;base64,", "data:audio/wav;base64,")) for source in inside)
    assert all(source.startswith("#") for source in reader.sources if source not in inside)
    assert not re.search(r"https?://|@import|url\(", html)
    for said_so in (EVIL, "runs/<a>", "needs <librosa>", "how <it> was done", "1.50 ± 0.25", "0.50 ± 0.10"):
        assert said_so in reader.text


@pytest.mark.parametrize("group", ["images", "speech", "text"])
def test_a_page_of_one_group_has_no_other(group: str) -> None:
    report = whole()
    shown = tuple(one for one in report.exhibits if one.group == group)
    html = page(Report(report.facts, report.lines, (), shown))
    sections = re.findall("<h2 id='(.*?)'>", html)
    assert len(sections) == 3  # figures, this group, and how it was made
    assert re.findall("<a href='#(.*?)'>", html) == sections


def test_a_column_that_says_nothing_is_left_out() -> None:
    report = whole()
    alone = tuple(Line(line.metric) for line in report.lines)
    assert "control</th>" in page(report)
    assert "control</th>" not in page(replace(report, lines=alone))
