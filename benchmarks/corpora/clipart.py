"""The Open Clip Art Library: pictures with the titles and keywords that their artists gave them."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from .writing import sample, tar_shards, to_json

PACKAGES = ("openclipart-png", "openclipart-svg")
LICENSE = "public domain"

WORK = "{http://web.resource.org/cc/}Work"
TITLE = "{http://purl.org/dc/elements/1.1/}title"
KEYWORD = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"


def make(roots: Mapping[str, Path], out: Path, limit: int | None = None) -> dict[str, int]:
    """`out/clipart/clipart-0000.tar`, … with a sample a picture that has a title; samples by folder."""
    pngs = roots["openclipart-png"] / "usr/share/openclipart/png"
    svgs = roots["openclipart-svg"] / "usr/share/openclipart/svg"
    with tar_shards(out / "clipart", "clipart") as tars:
        for name, title, keywords in islice(titled(pngs, svgs), limit):
            facts = {"file": f"{name}.png", "keywords": keywords, "license": LICENSE}
            png = (pngs / f"{name}.png").read_bytes()
            tars.write(sample(name, png=png, txt=title.encode(), json=to_json(facts)))
        return {"clipart": tars.total}


def titled(pngs: Path, svgs: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Name, title and keywords of the pictures that have a title and are there as PNG, sorted."""
    for picture in sorted(pngs.rglob("*.png")):
        name = picture.relative_to(pngs).with_suffix("").as_posix()
        source = svgs / f"{name}.svg"
        if source.is_file() and not picture.is_symlink():
            title, keywords = metadata(source.read_bytes())
            if title:
                yield name, title, keywords


def metadata(svg: bytes) -> tuple[str, list[str]]:
    """Title and keywords from an SVG's metadata; an empty title where there is none or the XML is broken."""
    try:
        work = ElementTree.fromstring(svg).find(f".//{WORK}")
    except ElementTree.ParseError:
        return "", []
    if work is None:
        return "", []
    keywords = [" ".join((item.text or "").split()) for item in work.iter(KEYWORD)]
    return " ".join(work.findtext(TITLE, "").split()), [keyword for keyword in keywords if keyword]
