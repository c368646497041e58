"""Every filter that a run file may name."""

from typing import Annotated

from pydantic import Field

from .text import TextFilter

AnyFilter = Annotated[TextFilter, Field(discriminator="name")]
