"""The page of a report: whole by itself, and nothing that comes from data is taken for markup."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from triptych.cli.evaluate_page import page
from triptych.train.evaluate.report.exhibits import Exhibit, png, wav
from triptych.train.evaluate.report.metric import Metric
from triptych.train.evaluate.report.not_measured import NotMeasured
from triptych.train.evaluate.report.report import Line, Report, report_of

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
        if tag not in {"meta", "img", "br", "link"}:
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
    inside = [source for source in reader.sources if source.startswith("data:") and source != "data:,"]  # no icon
    assert len(inside) == 4
    assert all(source.startswith(("data:image/png;base64,", "data:audio/wav;base64,")) for source in inside)
    assert all(source.startswith("#") for source in reader.sources if source not in [*inside, "data:,"])
    assert not re.search(r"https?://|@import|url\(", html)
    for said_so in (EVIL, "runs/<a>", "needs <librosa>", "how <it> was done", "1.50 ± 0.25", "0.50 ± 0.10"):
        assert said_so in reader.text


@pytest.mark.parametrize("group", ["images", "speech", "text"])
def test_a_page_of_one_group_has_no_other(group: str) -> None:
    report = whole()
    shown = tuple(one for one in report.exhibits if one.group == group)
    html = page(Report(report.facts, report.lines, (), shown))
    sections = re.findall('<h2 id="(.*?)">', html)
    assert len(sections) == 3  # figures, this group, and how it was made
    assert re.findall('<a href="#(.*?)">', html) == sections


def test_a_column_that_says_nothing_is_left_out() -> None:
    report = whole()
    alone = tuple(Line(line.metric) for line in report.lines)
    assert "control</th>" in page(report)
    assert "control</th>" not in page(replace(report, lines=alone))


def test_the_training_is_drawn_by_scripts_that_the_policy_names() -> None:
    drawn = {"name": EVIL, "series": {"step": [1, 2], "bits_text": [9.0, None]}, "validations": [], "baseline": {}}
    report = whole()
    shown = (Exhibit("training", EVIL, json.dumps(drawn)), *report.exhibits)
    html = page(replace(report, exhibits=shown))
    reader = Reader()
    reader.feed(html)
    assert reader.tags.count("script") == 2
    assert html.count("sha256-") == 4
    assert "alert('x')" not in re.sub(r"<pre.*?</pre>|data-charts=\".*?\"|<figcaption>.*?<", "", html, flags=re.DOTALL)
    assert re.findall(r'<h2 id="(.*?)">', html)[1] == "training"
