"""Entry point of `python -m triptych.train`, which torchrun starts in every process."""

from .command import main

main()
