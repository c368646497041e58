"""`triptych train`: the command of the trainer, which torchrun starts without the rest of the command line."""

from ..train.command import train

__all__ = ["train"]
