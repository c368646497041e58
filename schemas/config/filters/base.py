"""Base class of the entries of the run file's `filters:` block."""

from pydantic import Field

from ...base import Strict
from ..sources import Name


class Filter(Strict):
    """A filter of the rows of some sources. Its `name` is the reason that the ledger gives for a dropped row."""

    sources: tuple[Name, ...] | None = Field(
        None, description="Sources that are filtered; default every source with the modalities that the filter needs"
    )
