"""Entry point of `python -m triptych.train`, which torchrun starts in every process."""

from ..schemas.command_line import run_command
from .command import train

run_command(train)
