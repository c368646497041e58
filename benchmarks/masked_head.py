"""The head on masked places and their own slices, beside logits of every id at every place.

    python -m benchmarks.masked_head [--width 256] [--tokens 2048] [--repeats 5] [--threads 1] [--json]

Thirds of text, picture and sound in a vocabulary of 50,000 + 16,384 + 8 × 1,024 ids, half of the tokens masked: forward
and backward through the head alone, on a CPU. The dense head computes all logits, puts those of other slices at minus
infinity and reads the masked places. Peaks are of the resident set, above what was there before.
"""

from collections.abc import Callable
from pathlib import Path

import click
import torch

from triptych.model.network.head import Head
from triptych.model.network.slices import Slices
from triptych.schemas.vocabulary import Vocabulary

from .measure import cpu_seconds, show, spread

VOCABULARY = Vocabulary(text=50_000, image=16_384, audio=(1024,) * 8)
SLICES = Slices.of(VOCABULARY)


class Task:
    """States, and which of them are asked for what."""

    def __init__(self, width: int, tokens: int) -> None:
        torch.manual_seed(0)
        third = tokens // 3
        index = torch.cat((torch.full((third,), 1), torch.full((third,), 2), 3 + torch.arange(tokens - 2 * third) % 8))
        asked = torch.rand(tokens) < 0.5
        self.place = torch.cat([((index == i) & asked).nonzero()[:, 0] for i in range(1, len(SLICES.widths))])
        self.index = index[self.place]
        self.groups = tuple((int(i), int((self.index == i).sum())) for i in self.index.unique())
        self.classes = (torch.rand(len(self.place)) * torch.tensor(SLICES.widths)[self.index]).long()
        self.states = torch.randn(tokens, width, requires_grad=True)
        self.head = Head(width, SLICES.widths)
        torch.nn.init.normal_(self.head.weight, std=1 / width)

    def sliced(self) -> torch.Tensor:
        """As the model does it."""
        nats, _ = self.head(self.states[self.place], self.classes, self.groups)
        total: torch.Tensor = nats.sum()
        return total

    def dense(self) -> torch.Tensor:
        """All logits, then those that may be."""
        ends = torch.tensor(SLICES.widths).cumsum(0)
        starts = ends - torch.tensor(SLICES.widths)
        logits = self.states @ self.head.weight.T
        rows = torch.arange(logits.shape[1])
        others = (rows < starts[self.index][:, None]) | (rows >= ends[self.index][:, None])
        chosen = logits[self.place].masked_fill(others, -torch.inf)
        return torch.nn.functional.cross_entropy(chosen, starts[self.index] + self.classes, reduction="sum")

    def flops(self) -> tuple[float, float]:
        """Operations of the dense and of the sliced head, forward and backward, by arithmetic."""
        width = self.head.weight.shape[1]
        asked = sum(count * SLICES.widths[index] for index, count in self.groups)
        return 6.0 * width * len(self.states) * sum(SLICES.widths), 6.0 * width * asked


def peak(action: Callable[[], None]) -> float:
    """Megabytes of the resident set at its greatest, above what there was (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    action()
    return resident("VmHWM") - before


def resident(field: str) -> float:
    """A size from /proc/self/status, in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(field)) / 1024


@click.command()
@click.option("--width", default=256, show_default=True)
@click.option("--tokens", default=2048, show_default=True)
@click.option("--repeats", default=5, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(width: int, tokens: int, repeats: int, threads: int, as_json: bool) -> None:
    """Time and memory of both, taking turns."""
    torch.set_num_threads(threads)
    task = Task(width, tokens)
    ways = {"sliced, masked places": task.sliced, "dense": task.dense}
    torch.testing.assert_close(task.sliced(), task.dense(), rtol=1e-5, atol=1e-2)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    megabytes: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():

            def step(way: Callable[[], torch.Tensor] = way) -> None:
                task.states.grad = task.head.weight.grad = None
                way().backward()

            seconds[name].append(cpu_seconds(step))
            megabytes[name].append(peak(step))
    dense, sliced = task.flops()
    figures = {f"{name}, CPU seconds": spread(values) for name, values in seconds.items()}
    figures |= {f"{name}, peak MB": spread(values) for name, values in megabytes.items()}
    pairs = zip(seconds["dense"], seconds["sliced, masked places"], strict=True)
    figures["dense over sliced, CPU seconds"] = spread([one / other for one, other in pairs])
    facts = {"places asked for": f"{len(task.place)} of {tokens}", "head": f"{sum(SLICES.widths)} × {width}"}
    facts["operations, dense over sliced"] = f"{dense:.3g} / {sliced:.3g} = {dense / sliced:.1f}"
    show("The head, forward and backward", figures, facts, as_json)


if __name__ == "__main__":
    main()
