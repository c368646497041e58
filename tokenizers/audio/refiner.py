"""A small convolutional network that restores part of what quantisation removed from log-mel frames."""

from torch import Tensor, nn
from torch.nn.functional import gelu

from .mel import BANDS

WIDTH = 256
BLOCKS = 5


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(width, width, 3, padding=1)
        self.second = nn.Conv1d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = gelu(self.first(gelu(x)))
        mixed: Tensor = x + self.second(hidden)
        return mixed


class Refiner(nn.Module):
    """Maps centred log-mels decoded from codes to better ones; it is initialised as the identity."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.enter = nn.Conv1d(BANDS, width, 3, padding=1)
        self.blocks = nn.Sequential(*[_Block(width) for _ in range(blocks)])
        self.leave = nn.Conv1d(width, BANDS, 3, padding=1)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, BANDS, frames) to the same shape."""
        refined: Tensor = x + self.leave(self.blocks(self.enter(x)))
        return refined
