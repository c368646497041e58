"""What every entry of the run file's `filters:` block has in common."""

from pydantic import Field

from ...base import Strict
from ..sources import Name


class Filter(Strict):
    """A filter has a say on the rows of some sources; its `name` is the reason in the ledger."""

    sources: tuple[Name, ...] | None = Field(None, description="Sources it is for; default every one it can judge")
