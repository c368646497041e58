"""The union of all filters that a run file may list."""

from typing import Annotated

from pydantic import Field

from .audio import AudioFilter
from .column import Column
from .image import ImageFilter
from .text import TextFilter

AnyFilter = Annotated[TextFilter | ImageFilter | AudioFilter | Column, Field(discriminator="name")]
