"""`triptych diff`: what differs between two datasets, or two training runs."""

import json
import sys
from collections.abc import Iterable
from typing import Any

import click

from ..schemas.command_line import example
from ..schemas.visible import print_line


@click.command(epilog=example("triptych diff out/monday out/tuesday"))
@click.argument("before")
@click.argument("after")
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def diff(before: str, after: str, as_json: bool) -> None:
    """Print what differs between BEFORE and AFTER, two datasets or two training runs.

    Of datasets: run files, tokenizers, counts, dropped rows, segment lengths, and how
    many documents were removed and added, by their content. Of runs: train files,
    datasets and bits per token. The exit code is 1 if they differ.
    """
    from ..schemas.dataset.manifest import MANIFEST
    from ..schemas.storage.store import Store

    stores = [Store(path) for path in (before, after)]
    datasets = [store.exists(MANIFEST) for store in stores]
    if datasets[0] != datasets[1]:
        raise click.UsageError("Give two datasets or two training runs, not one of each.")
    if datasets[0]:
        found, lines = _datasets(before, after)
    else:
        found, lines = _runs(stores)
    if as_json:
        click.echo(json.dumps(found, allow_nan=False))
    else:
        for line in lines or ["no difference"]:
            print_line(line)
    if lines:
        sys.exit(1)


def _datasets(before: str, after: str) -> tuple[dict[str, Any], list[str]]:
    from ..pipelines.inspection.browse.browsed import BrowsedDataset
    from ..pipelines.inspection.dataset_difference import dataset_difference

    found = dataset_difference(BrowsedDataset(before), BrowsedDataset(after))
    if found["fingerprint"][0] == found["fingerprint"][1]:
        return found, []
    lines = ["fingerprint: {} -> {}".format(*found["fingerprint"])]
    documents = found["documents"]
    if documents is None:
        lines.append("documents: cannot be compared, for lack of `content` or for their number")
    elif documents["removed"] or documents["added"]:
        lines.append("documents: {removed:,} removed, {added:,} added, {same:,} in both".format(**documents))
    for name, (old, new) in found["sources"].items():
        lines.append(f"source {name}: {_source(old)} -> {_source(new)}")
    for name, (old, new) in found["dropped"].items():
        lines.append(f"dropped {name}: {old or 0:,} -> {new or 0:,}")
    for test in found["lengths"]:
        old, new = test["medians"]
        how = f"Kolmogorov-Smirnov {test['statistic']:.3f}, p {test['p']:.2g}"
        lines.append(f"segment lengths of {test['source']}: median {old:,} -> {new:,} tokens ({how})")
    if found["mix_divergence"] > 0:
        lines.append(f"shares of tokens by source: Jensen-Shannon divergence {found['mix_divergence']:.4f} bits")
    for name, (old, new) in found["tokenizers"].items():
        lines.append(f"tokenizer {name}: {old or 'none'} -> {new or 'none'}")
    return found, [*lines, *_config(found["config"])]


def _source(counts: dict[str, Any] | None) -> str:
    if counts is None:
        return "none"
    return f"{counts['documents']:,} documents, {sum(counts['tokens'].values()):,} tokens"


def _runs(stores: list[Any]) -> tuple[dict[str, Any], list[str]]:
    from ..pipelines.inspection.browse.compare import config_difference
    from ..train.run_difference import run_difference

    found = run_difference(*stores)
    changed = config_difference(*found["config"])
    found["config"] = [sign + line for sign, line in changed]
    lines = []
    if found["steps"][0] != found["steps"][1]:
        lines.append("steps: {:,} -> {:,}".format(*found["steps"]))
    for name, (old, new) in found["bits"].items():
        lines.append(f"{name}: {_bits(old)} -> {_bits(new)} bits per token")
    if found["trained_on"]:
        old, new = (", ".join(each) or "none" for each in found["trained_on"])
        lines.append(f"datasets: {old} -> {new}")
    return found, [*lines, *_config(found["config"])]


def _bits(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _config(lines: Iterable[str]) -> list[str]:
    shown = [f"  {line}" for line in lines]
    return ["configuration:", *shown] if shown else []
