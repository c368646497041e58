"""Tux Paint's stamps: pictures with captions in many languages, and their spoken descriptions."""

import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from .pictures import rasterise, thumbnail
from .writing import sample, tar_shards, to_json

PACKAGES = ("tuxpaint-stamps-default",)
LICENSE = "GPL-2"
SVG_SIDE = 512
SPOKEN_SIDE = 256  # a picture is repeated for every language that describes it

DESCRIPTION = re.compile(r"(?P<stem>.+)_desc(?:_(?P<lang>[A-Za-z_@]+))?\.(?P<kind>ogg|wav)")
CAPTION = re.compile(r"(?P<lang>[A-Za-z_@]+)\.utf8=(?P<text>.*)")


def make(roots: Mapping[str, Path], out: Path, limit: int | None = None) -> dict[str, int]:
    """`out/stamps` with a sample a picture, `out/spoken` with a sample a picture and language; samples by folder."""
    root = roots["tuxpaint-stamps-default"] / "usr/share/tuxpaint/stamps"
    with tar_shards(out / "stamps", "stamps") as stamps, tar_shards(out / "spoken", "spoken") as spoken:
        for picture in islice(pictures(root), limit):
            category = picture.parent.relative_to(root).as_posix()
            name = f"{category}/{picture.stem}"
            texts = captions(picture.with_suffix(".txt").read_text(encoding="utf-8"))
            png = picture.read_bytes() if picture.suffix == ".png" else rasterise(picture, SVG_SIDE)
            facts = {"file": f"{category}/{picture.name}", "category": category, "license": LICENSE}
            every = to_json({**facts, "captions": texts})
            stamps.write(sample(name, png=png, txt=texts["en"].encode(), json=every))
            small = thumbnail(png, SPOKEN_SIDE)
            for lang, clip in descriptions(picture).items():
                if lang in texts:
                    said = {clip.suffix[1:]: clip.read_bytes(), "txt": texts[lang].encode()}
                    spoken.write(sample(f"{name}__{lang}", png=small, json=to_json({"lang": lang, **facts}), **said))
        return {"stamps": stamps.total, "spoken": spoken.total}


def pictures(root: Path) -> list[Path]:
    """Pictures with a caption, sorted; where there are a PNG and an SVG of one name, the PNG."""
    found = {path.with_suffix(""): path for path in sorted(root.rglob("*.svg")) + sorted(root.rglob("*.png"))}
    return sorted(path for path in found.values() if path.with_suffix(".txt").exists())


def captions(text: str) -> dict[str, str]:
    """Captions by language: the first line is English, the others are `LANG.utf8=caption`."""
    first, *others = text.splitlines()
    found = {"en": first.strip()}
    for line in others:
        if match := CAPTION.fullmatch(line.strip()):
            found[match["lang"]] = match["text"].strip()
    return {lang: caption for lang, caption in found.items() if caption}


def descriptions(picture: Path) -> dict[str, Path]:
    """Clips that describe a picture, by language; the one without a language is English."""
    matches = {path: DESCRIPTION.fullmatch(path.name) for path in sorted(picture.parent.glob(f"{picture.stem}_desc*"))}
    return {m["lang"] or "en": path for path, m in matches.items() if m and m["stem"] == picture.stem}
