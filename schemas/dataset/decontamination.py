"""What the manifest says of evaluation sets: how many rows of the corpora were found in each of them."""

from pydantic import NonNegativeInt

from ..base import Strict


class Hit(Strict):
    """A row that was dropped, and what it shares with the evaluation set."""

    source: str
    file: str
    row: int
    detail: str


class BenchmarkReport(Strict):
    """One evaluation set."""

    name: str
    rows: NonNegativeInt  # that were compared with
    hits: dict[str, dict[str, NonNegativeInt]]  # source -> text, image or audio -> rows dropped
    examples: tuple[Hit, ...]
