"""Tokens drawn in float64 where places were chosen, beside one float32 draw over every place and class.

    python -m benchmarks.sampling_draw [--places 1024] [--classes 8000] [--steps 64] [--repeats 5] [--json]

The fused draw is what masked diffusion code has had (MDLM, SEDD, UniDisc): each place, in each step, is one of its
classes or stays masked, by argmax of chances over exponential noise from 24-bit uniforms. The two stages choose places
and draw a token there. Times are of a step in the middle, all places still masked, on one thread of a CPU.

The tail is what rare tokens of 1e-4 each, a tenth of all together, keep when a text is said in 64 and in 4,096 steps.
"""

import math
from functools import partial

import click
import torch

from triptych.model.keyed_random import RandomStream, bits, to_unit, uniform
from triptych.model.sampling.sample_token import draw
from triptych.schemas.config.sampling import SamplingConfig

from .measure import cpu_seconds, show, spread

CONFIG = SamplingConfig()
TAIL, COMMON, RARE = 0.1, 50, 1000


def fused(logits: torch.Tensor, leave: float, generator: torch.Generator) -> torch.Tensor:
    """(N,) classes, or C where a place stays masked; each leaves with the same chance."""
    chance = torch.cat((logits.softmax(-1) * leave, torch.full((len(logits), 1), 1 - leave)), -1)
    noise = 1e-10 - torch.log(torch.rand(chance.shape, generator=generator) + 1e-10)
    return (chance / noise).argmax(-1)


def two_stage(logits: torch.Tensor, leave: float, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Places that leave (n,), and their classes (n,)."""
    key = torch.arange(len(logits))
    chosen = (to_unit(bits(0, RandomStream.PLACE, key, torch.tensor(step))) < leave).nonzero()[:, 0]
    return chosen, draw(logits[chosen], uniform(0, RandomStream.CLASS, chosen, torch.tensor(step)), CONFIG)


def tail(steps: int, places: int, *, stages: bool) -> float:
    """Share of rare tokens among all that are said, over what it should be."""
    chance = torch.cat((torch.full((COMMON,), (1 - TAIL) / COMMON), torch.full((RARE,), TAIL / RARE)))
    generator, open_, rare = torch.Generator().manual_seed(0), places, 0
    for step in range(steps):
        leave = 1 / (steps - step)
        logits = chance.log().expand(open_, -1)
        if stages:
            said = two_stage(logits, leave, step)[1]
        else:
            said = fused(logits, leave, generator)
            said = said[said < COMMON + RARE]
        rare += int((said >= COMMON).sum())
        open_ -= len(said)
    return rare / (places - open_) / TAIL


@click.command()
@click.option("--places", default=1024, show_default=True)
@click.option("--classes", default=8000, show_default=True)
@click.option("--steps", default=64, show_default=True)
@click.option("--tail-places", default=1000, show_default=True, help="Said at once to count rare tokens.")
@click.option("--repeats", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(places: int, classes: int, steps: int, tail_places: int, repeats: int, as_json: bool) -> None:
    """Both take turns."""
    torch.set_num_threads(1)
    logits = 3 * torch.randn(places, classes, generator=torch.Generator().manual_seed(0))
    generator, leave = torch.Generator().manual_seed(1), 2 / steps
    taken: dict[str, list[float]] = {"fused float32": [], "two stages, float64": []}
    for turn in range(repeats):
        taken["fused float32"].append(cpu_seconds(lambda: fused(logits, leave, generator)))
        taken["two stages, float64"].append(cpu_seconds(partial(two_stage, logits, leave, turn)))
    figures = {f"{name}, ms a step": spread([1000 * value for value in values]) for name, values in taken.items()}
    ratios = [one / other for one, other in zip(*taken.values(), strict=True)]
    figures["fused over two stages"] = spread(ratios)
    facts: dict[str, object] = {"places": places, "classes": classes, "steps": steps}
    for number in (64, 4096):
        for name, stages in (("fused float32", False), ("two stages, float64", True)):
            facts[f"tail kept in {number} steps, {name}"] = f"{tail(number, tail_places, stages=stages):.2f}"
    facts["one standard error of these"] = f"{math.sqrt((1 - TAIL) / TAIL / tail_places):.2f}"
    show("Drawing tokens", figures, facts, as_json)


if __name__ == "__main__":
    main()
