"""The report of an evaluation as a page of one file, in the look of `triptych browse`."""

import base64
import json
from itertools import groupby
from types import SimpleNamespace
from typing import Any

from markupsafe import Markup

from ..train.evaluate.report.exhibits import Exhibit
from ..train.evaluate.report.report import HEADINGS, Report, cells, verdicts
from .browse.file_policy import file_policy
from .browse.templates import render, static

TITLES = {
    "glyphs": "Glyphs, asked for by name",
    "words": "Words, asked for in writing",
    "images": "Images",
    "speech": "Speech",
    "text": "Text",
}
SIDES = {
    "glyphs": ("generated", "what was asked for"),
    "words": ("generated", "what was asked for"),
    "images": ("generated", "held out, through the tokenizer"),
    "speech": ("generated", "held out, through the codec"),
    "text": ("generated", "held out (another text)"),
}
WIDE = ("text",)  # it needs the full width
TRAINING = "training"  # the group whose one exhibit is what the charts draw
SCRIPTS, STYLES = ("vendor/uPlot.iife.min.js", "charts.js"), ("browse.css", "vendor/uPlot.min.css")
PNG = b"\x89PNG"


def page(report: Report) -> str:
    """Render the report as HTML; all text that comes from data is escaped by the templates."""
    name = str(report.facts["run"])
    charts = [json.loads(one.generated) for one in report.exhibits if one.group == TRAINING]
    scripts, styles = ([static(name) for name in names] for names in (SCRIPTS if charts else (), STYLES))
    galleries = groupby((one for one in report.exhibits if one.group != TRAINING), key=lambda one: one.group)
    return render(
        "report.html",
        items=(),
        item=SimpleNamespace(name=name, kind="report"),
        offline=True,
        title=f"{name}, evaluated",
        policy=file_policy(scripts, styles),
        scripts=[Markup(each) for each in scripts],  # noqa: S704 a file of the package
        styles=[Markup(each) for each in styles],  # noqa: S704 a file of the package
        charts=charts,
        runs=(),
        live=False,
        model=_line(report.facts["model"]),
        verdicts=verdicts(report),
        figures=_figures(report),
        galleries=[_gallery(group, list(found)) for group, found in galleries],
        missing=report.missing,
        facts={name.replace("_", " "): _lines(value) for name, value in report.facts.items() if value is not None},
    )


def _figures(report: Report) -> dict[str, Any]:
    """Headings, and a line a figure with its note, without columns that are empty in all lines."""
    table = [cells(line) for line in report.lines]
    used = [at for at in range(2, len(HEADINGS)) if any(line[at] for line in table)]
    return {
        "heads": [HEADINGS[at] for at in used],
        "lines": [
            {"group": shown[0], "name": shown[1], "note": line.metric.note, "cells": [shown[at] for at in used]}
            for shown, line in zip(table, report.lines, strict=True)
        ],
    }


def _gallery(group: str, exhibits: list[Exhibit]) -> dict[str, Any]:
    shown = []
    for one in exhibits:
        pairs = zip(SIDES[group], (one.generated, one.reference), strict=True)
        sides = [{"who": who, **_media(data)} for who, data in pairs if data is not None]
        shown.append({"prompt": one.prompt, "sides": sides})
    return {"key": group, "title": TITLES[group], "wide": group in WIDE, "exhibits": shown}


def _media(data: str | bytes) -> dict[str, str]:
    """A text, or the kind of a file and its content as an address."""
    if not isinstance(data, bytes):
        return {"kind": "text", "content": data}
    kind, media = ("image", "image/png") if data.startswith(PNG) else ("audio", "audio/wav")
    return {"kind": kind, "content": f"data:{media};base64,{base64.b64encode(data).decode()}"}


def _lines(value: Any) -> list[str]:
    return [_line(one) for one in (value if isinstance(value, list) else [value])]


def _line(value: Any) -> str:
    return ", ".join(f"{key} {part}" for key, part in value.items()) if isinstance(value, dict) else str(value)
