"""Explanations of terms for a terminal: those of the pages of `triptych browse`, so that there is one wording."""

from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path

from . import pages

TERMS = Path(str(pages.__file__)).parent / "templates" / "terms.html"


class _Terms(HTMLParser):
    """Collects name and explanation of each term by its key."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str]] = {}
        self._key, self._tag = "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a term, or a part of one."""
        key = dict(attrs).get("id") or ""
        if key.startswith("term-"):
            self._key = key.removeprefix("term-")
            self.found[self._key] = {"strong": "", "p": ""}
        self._tag = tag

    def handle_endtag(self, tag: str) -> None:
        """End a part of a term."""
        self._tag = ""

    def handle_data(self, data: str) -> None:
        """Add text to the part that is open."""
        if self._key and self._tag in self.found[self._key]:
            self.found[self._key][self._tag] += data


@lru_cache(maxsize=1)
def _terms() -> dict[str, tuple[str, str]]:
    parser = _Terms()
    parser.feed(TERMS.read_text(encoding="utf-8"))
    return {key: (term["strong"], " ".join(term["p"].split())) for key, term in parser.found.items()}


def explanations(*keys: str) -> list[str]:
    """A line for each term: its name and what it means."""
    return [f"{name}: {meaning}" for name, meaning in (_terms()[key] for key in keys)]
