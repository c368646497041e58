"""Every filter that a run file may name."""

from typing import Annotated

from pydantic import Field

from .audio import AudioFilter
from .text import TextFilter

AnyFilter = Annotated[TextFilter | AudioFilter, Field(discriminator="name")]
