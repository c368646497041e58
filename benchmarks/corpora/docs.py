"""Documentation in twelve languages, with its real boilerplate and its real near-duplicates, as plain text."""

import gzip
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from resiliparse.extract.html2text import extract_plain_text

from .man import from_man
from .writing import write_jsonl

Pages = Iterator[tuple[str, str]]  # path inside the package, text


def make(roots: Mapping[str, Path], out: Path, limit: int | None = None) -> dict[str, int]:
    """`out/docs/docs-000.jsonl.gz`, … with fields text, id, package, license; at most `limit` rows a package."""
    return {"docs": write_jsonl(rows(roots, limit), out / "docs", "docs")}


def rows(roots: Mapping[str, Path], limit: int | None) -> Iterator[dict[str, str]]:
    """Rows of all packages, by package and path."""
    for package in PACKAGES:
        read, license_name = SOURCES[package]
        for path, text in islice(read(roots[package]), limit):
            yield {"text": text, "id": f"{package}/{path}", "package": package, "license": license_name}


def html(root: Path) -> Pages:
    """Main content of every page."""
    for path in _files(root, "*.html"):
        yield from _page(root, path, extract_plain_text(_utf8(path.read_bytes()), main_content=True, alt_texts=False))


def man(root: Path) -> Pages:
    """Manual pages in the man macros."""
    for path in _files(root / "usr/share/man", "*.gz"):
        yield from _page(root, path, from_man(_utf8(gzip.decompress(path.read_bytes()))))


def dictionary(root: Path) -> Pages:
    """Entries of a dictionary in the DICT format, each once however many headwords lead to it."""
    folder = root / "usr/share/dictd"
    for index in sorted(folder.glob("*.index")):
        entries = gzip.decompress(index.with_suffix(".dict.dz").read_bytes())
        seen = set()
        for line in index.read_text(encoding="utf-8").splitlines():
            headword, start, length = line.split("\t")
            if (start, length) not in seen:
                seen.add((start, length))
                entry = entries[_base64(start) : _base64(start) + _base64(length)]
                yield f"{index.stem}/{_base64(start)}/{headword}", _utf8(entry).strip()


def _files(root: Path, pattern: str) -> list[Path]:
    return sorted(path for path in root.rglob(pattern) if path.is_file() and not path.is_symlink())


def _page(root: Path, path: Path, text: str | None) -> Pages:
    shown = re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t\xa0]+$", "", text or "", flags=re.MULTILINE)).strip()
    if shown:
        yield path.relative_to(root).as_posix(), shown


def _utf8(content: bytes) -> str:
    """The text, or nothing where it is not UTF-8 (an empty page is no row)."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return ""


def _base64(digits: str) -> int:
    """A number in DICT's notation: base64 digits, most significant first."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    value = 0
    for digit in digits:
        value = value * 64 + alphabet.index(digit)
    return value


SOURCES: dict[str, tuple[Callable[[Path], Pages], str]] = {
    "cppreference-doc-en-html": (html, "CC-BY-SA-3.0 or GFDL-1.3"),
    "debian-handbook": (html, "GPL-2.0+ or CC-BY-SA-3.0"),
    "dict-gcide": (dictionary, "GPL-2.0+"),
    "libreoffice-help-de": (html, "MPL-2.0"),
    "libreoffice-help-en-us": (html, "MPL-2.0"),
    "libreoffice-help-es": (html, "MPL-2.0"),
    "libreoffice-help-fr": (html, "MPL-2.0"),
    "libreoffice-help-ja": (html, "MPL-2.0"),
    "libreoffice-help-ru": (html, "MPL-2.0"),
    "libreoffice-help-zh-cn": (html, "MPL-2.0"),
    "linux-doc-6.1": (html, "GPL-2"),
    "manpages-de": (man, "GPL-3.0+ and others, by page"),
    "manpages-dev": (man, "free licences, by page"),
    "manpages-fr": (man, "GPL-3.0+ and others, by page"),
    "python3.11-doc": (html, "PSF-2.0"),
    "rust-doc": (html, "MIT or Apache-2.0"),
}
PACKAGES = tuple(SOURCES)
