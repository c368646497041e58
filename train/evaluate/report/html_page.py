"""A report as a single HTML page; images and clips are embedded as data."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Any

from .exhibits import Exhibit
from .report import HEADINGS, Report, cells

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2024; background: #fff; margin: 2rem auto; max-width: 72rem;
  padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #e3e6e9 }
th { font-weight: 600 } a { color: inherit }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.note, figcaption { color: #5c656e; font-size: .85rem }
.note { display: block } code { overflow-wrap: anywhere }
.gallery { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)) }
figure { margin: 0 } .pair { display: flex; gap: .4rem } .pair > div { flex: 1; min-width: 0 }
img { width: 100%; image-rendering: pixelated; background: #f2f4f5 } audio { width: 100% }
pre { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 16rem; overflow-y: auto; margin: 0;
  font: 13px/1.45 ui-monospace, monospace; background: #f6f7f8; padding: .6rem }
@media (prefers-color-scheme: dark) {
  body { color: #e6e8ea; background: #16191c } th, td { border-color: #30363b }
  .note, figcaption { color: #9aa4ad } pre, img { background: #22272b } }
"""
TITLES = {
    "training": "Training",
    "glyphs": "Glyphs, asked for by name",
    "words": "Words, asked for in writing",
    "images": "Pictures",
    "speech": "Speech",
    "text": "Text",
}
SIDES = {
    "training": ("bits per token over tokens, held out with two standard errors", ""),
    "glyphs": ("made", "what was asked for"),
    "words": ("said", "what was asked for"),
    "images": ("made", "held out, through the tokenizer"),
    "speech": ("said", "held out, through the codec"),
    "text": ("written", "held out (another text)"),
}
LEGEND = (
    "↑ higher is better, ↓ lower. ± is a standard error, [ ] a 95 % confidence interval. The floor is what the best "
    "model would still be held to: what tokenizers lose, or what real data gets. "
    "A control is another run, named at the end."
)
WIDE = dict.fromkeys(("text", "training"), " style='grid-template-columns: 1fr'")  # these need the full width
PNG = b"\x89PNG"


def page(report: Report) -> str:
    """Render the report as HTML; all text that comes from data is escaped."""
    title = f"{escape(report.facts['run'])}, evaluated"
    sections = dict(_sections(report))
    links = " · ".join(f"<a href='#{_anchor(name)}'>{escape(name)}</a>" for name in sections)
    return "\n".join(
        [
            "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
            "<meta name='viewport' content='width=device-width, initial-scale=1'>",
            f"<title>{title}</title><style>{STYLE}</style></head><body>",
            f"<h1>{title}</h1><p class='note'>{escape(_line(report.facts['model']))}</p><nav>{links}</nav>",
            *(f"<h2 id='{_anchor(name)}'>{escape(name)}</h2>\n{body}" for name, body in sections.items()),
            "</body></html>\n",
        ]
    )


def _sections(report: Report) -> Iterator[tuple[str, str]]:
    yield "Figures", f"<p class='note'>{LEGEND}</p>{_figures(report)}"
    for group, exhibits in groupby(report.exhibits, key=lambda exhibit: exhibit.group):
        yield TITLES[group], _gallery(group, list(exhibits))
    if report.missing:
        yield (
            "Not measured",
            _table(
                ((m.group, m.name, f"FAILED: {m.why}" if m.fault else m.why) for m in report.missing), ("", "", "why")
            ),
        )
    yield "How it was made", _facts(report.facts)


def _anchor(name: str) -> str:
    return name.split(",")[0].lower().replace(" ", "-")


def _facts(facts: dict[str, Any]) -> str:
    lines = []
    for name, value in facts.items():
        if value is None:
            continue
        values = value if isinstance(value, list) else [value]
        shown = "<br>".join(f"<code>{escape(_line(one))}</code>" for one in values)
        lines.append(f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{shown}</td></tr>")
    return f"<table>{''.join(lines)}</table>"


def _line(value: Any) -> str:
    return ", ".join(f"{key} {part}" for key, part in value.items()) if isinstance(value, dict) else str(value)


def _figures(report: Report) -> str:
    table = [cells(line) for line in report.lines]
    used = [
        at for at in range(2, len(HEADINGS)) if any(line[at] for line in table)
    ]  # columns with any content; there may be no control
    lines = []
    for shown, line in zip(table, report.lines, strict=True):
        note = f"<span class='note'>{escape(line.metric.note)}</span>" if line.metric.note else ""
        rest = "".join(f"<td class='number'>{escape(shown[at])}</td>" for at in used)
        lines.append(f"<tr><td>{escape(shown[0])}</td><td>{escape(shown[1])}{note}</td>{rest}</tr>")
    heads = "".join(f"<th>{name}</th>" for name in HEADINGS[:2])
    heads += "".join(f"<th class='number'>{HEADINGS[at]}</th>" for at in used)
    return f"<table><tr>{heads}</tr>{''.join(lines)}</table>"


def _table(rows: Iterable[Sequence[str]], heads: Sequence[str]) -> str:
    lines = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _gallery(group: str, exhibits: Sequence[Exhibit]) -> str:
    figures = []
    for one in exhibits:
        sides = [side for side in zip(SIDES[group], (one.generated, one.reference), strict=True) if side[1] is not None]
        pair = "".join(f"<div>{_media(data)}<div class='note'>{escape(who)}</div></div>" for who, data in sides)
        caption = f"<figcaption>{escape(one.prompt)}</figcaption>" if one.prompt else ""
        figures.append(f"<figure><div class='pair'>{pair}</div>{caption}</figure>")
    return f"<div class='gallery'{WIDE.get(group, '')}>{''.join(figures)}</div>"


def _media(data: str | bytes | None) -> str:
    if not isinstance(data, bytes):
        return f"<pre>{escape(data or '')}</pre>"
    coded = base64.b64encode(data).decode()
    if data.startswith(PNG):
        return f"<img alt='' src='data:image/png;base64,{coded}'>"
    return f"<audio controls preload='none' src='data:audio/wav;base64,{coded}'></audio>"
