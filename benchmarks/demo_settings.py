"""What the settings of the sampler are worth on the demo's model: glyphs and words that are recognised, of twenty each.

    python -m benchmarks.demo_settings demo/run [--seeds 3] [--json]

Every rule at every temperature and guidance, judged as `triptych demo` judges: by nearest neighbour among all glyphs
and all words. Figures are per cent, means over seeds with the standard error of 20 × SEEDS draws.
"""

import json
import math
from itertools import product
from pathlib import Path
from typing import Any

import click
import torch
from rich.console import Console
from rich.table import Table

from triptych.cli.demo.judge import judged
from triptych.schemas.config.sampling import SamplingConfig
from triptych.train.evaluate.report.metric import Metric
from triptych.train.generate.generator import Generator

from .measure import machine

RULES: dict[str, dict[str, Any]] = {
    "confidence, cosine": {"rule": "confidence", "grid": "cosine"},
    "confidence, cosine, choice temperature 4.5": {"rule": "confidence", "grid": "cosine", "choice_temperature": 4.5},
    "first-hitting": {"rule": "first-hitting"},
    "entropy-bounded, 1 nat": {"rule": "entropy-bounded", "entropy_bound": 1.0},
}
TEMPERATURES, GUIDANCES = (1.0, 0.5), (0.0, 1.0, 3.0)


def recognised(generator: Generator, settings: dict[str, Any], seeds: int) -> dict[str, tuple[float, float]]:
    """Share of glyphs and of words in per cent, and its standard error."""
    config = SamplingConfig.model_validate(settings)
    rows = [row for seed in range(seeds) for row in judged(generator, seed, config) if isinstance(row, Metric)]
    found = {}
    for group in ("glyphs", "words"):
        values = [row.value for row in rows if row.group == group]
        draws = sum(row.n for row in rows if row.group == group)
        share = sum(values) / len(values) / 100
        found[group] = (100 * share, 100 * math.sqrt(share * (1 - share) / draws))
    return found


@click.command()
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("--seeds", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(run: Path, seeds: int, as_json: bool) -> None:
    """Ask the demo's RUN for its twenty glyphs and words in every way."""
    torch.set_num_threads(1)
    generator = Generator.open(run)
    lines = []
    for (name, rule), temperature, guidance in product(RULES.items(), TEMPERATURES, GUIDANCES):
        settings = rule | {"temperature": temperature, "guidance": guidance}
        lines.append({"name": name, **settings, "found": recognised(generator, settings, seeds)})
    if as_json:
        click.echo(json.dumps({"machine": machine(), "seeds": seeds, "lines": lines}))
        return
    table = Table("rule", "temperature", "guidance", "glyphs, %", "words, %", title=f"{seeds} seeds; {machine()}")
    for line in lines:
        shares = (f"{value:.0f} ± {error:.0f}" for value, error in line["found"].values())
        table.add_row(line["name"], f"{line['temperature']:g}", f"{line['guidance']:g}", *shares)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
