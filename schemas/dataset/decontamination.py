"""Decontamination section of the manifest: rows of the corpora that were found in each evaluation set."""

from pydantic import NonNegativeInt

from ..base import Strict


class Hit(Strict):
    """A dropped row and what it shares with the evaluation set."""

    source: str
    file: str
    row: int
    detail: str


class BenchmarkReport(Strict):
    """Counts for one evaluation set."""

    name: str
    rows: NonNegativeInt  # rows of the evaluation set
    hits: dict[str, dict[str, NonNegativeInt]]  # source -> text, image or audio -> rows dropped
    examples: tuple[Hit, ...]
