"""What `triptych stats` prints of a training run."""

import json
from typing import Any

import click
from rich.table import Table

from ..schemas.console import console, text
from ..schemas.secrets import without_secrets
from ..schemas.storage.store import Store
from ..train.curves import RunCurves, figures, trained_manifests, training_series, unigram_bits, validations
from ..train.plain_log import duration
from ..train.run_state import state_of
from ..train.verdict import verdict
from .bars import curve
from .fit_tables import print_tables

CURVE = 24  # cells


def print_run(path: str, explain: bool, as_json: bool) -> None:
    """Print the figures of a run, as tables or JSON."""
    curves = RunCurves(Store(path))
    facts = _facts(path, curves)
    if as_json:
        click.echo(json.dumps(facts))
        return
    screen = console()
    unicode = screen.encoding.startswith("utf")
    screen.print(text(without_secrets(path), "bold"))
    for line in _headlines(facts):
        screen.print(line, soft_wrap=True)
    tables = [
        (_bits(facts, curves, unicode), ("nelbo", "validation", "unigram")),
        (_by_ratio(facts), ("maskratio",)),
        (_speed(facts), ("throughput", "mfu", "gradnorm", "lr", "leftout")),
    ]
    print_tables([(table, terms) for table, terms in tables if table.row_count], screen, explain)
    for line in facts["verdict"]:
        screen.print(line, soft_wrap=True)


def _facts(path: str, curves: RunCurves) -> dict[str, Any]:
    lines, record, steps = curves.lines, curves.record, curves.steps
    series, checks = training_series(lines), validations(lines)
    baseline = unigram_bits(trained_manifests(record, {}))
    trained = [line for line in lines if "split" not in line]
    done = max((int(line["step"]) for line in lines), default=0)
    parameters = record.parameters if record else None
    return {
        "run": without_secrets(path),
        "state": state_of(done, steps, curves.age),
        "step": done,
        "steps": steps,
        "parameters": parameters.model_dump() if parameters else None,
        "datasets": [each.model_dump() for each in record.trained_on] if record else [],
        "changes": [change.model_dump() for change in record.changes] if record else [],
        "tokens": (trained[-1].get("tokens") or 0) if trained else 0,
        "training_seconds": _seconds(trained),
        "figures": figures(series, checks, baseline),
        "validations": [check.model_dump() for check in checks],
        "last": trained[-1] if trained else None,
        "verdict": verdict(lines, baseline),
    }


def _seconds(trained: list[dict[str, Any]]) -> float:
    """Time that the logged steps took, without validations and checkpoints."""
    before, seconds = 0.0, 0.0
    for line in trained:
        now = line.get("tokens") or before
        if line.get("tokens_per_second"):
            seconds += (now - before) / line["tokens_per_second"]
        before = now
    return seconds


def _headlines(facts: dict[str, Any]) -> list[str]:
    of = f" of {facts['steps']:,}" if facts["steps"] is not None else ""
    size = facts["parameters"]
    parameters = f", {size['embedding'] + size['rest']:,} parameters" if size else ""
    found = [
        f"{facts['state']}: step {facts['step']:,}{of}{parameters}, {facts['tokens']:,.0f} tokens in "
        f"{duration(facts['training_seconds'])} of training"
    ]
    if facts["datasets"]:
        found.append("trained on " + ", ".join(each["path"] for each in facts["datasets"]))
    for change in facts["changes"]:
        found += [f"at step {change['step']:,}: {key} {old} -> {new}" for key, (old, new) in change["keys"].items()]
    return found


def _bits(facts: dict[str, Any], curves: RunCurves, unicode: bool) -> Table:
    table = _table("Bits per token (lower is better)", "modality", ("training", "held out", "baseline"))
    table.add_column("training so far")
    series = training_series(curves.lines)
    for row in facts["figures"]:
        cells = ("-" if row[name] is None else f"{row[name]:.3f}" for name in ("train", "validation", "baseline"))
        table.add_row(row["modality"], *cells, curve(series.get(f"bits_{row['modality']}", ()), CURVE, unicode))
    return table


def _by_ratio(facts: dict[str, Any]) -> Table:
    """Held-out cross-entropy by mask ratio, of the last validation of the last kind of weights."""
    held = [check for check in facts["validations"] if check["split"] == "validation"]
    by_ratio = held[-1]["by_ratio"] if held else {}
    ratios = sorted({ratio for values in by_ratio.values() for ratio in values}, key=float)
    table = _table("Held-out bits per token by mask ratio", "modality", ratios)
    for modality, values in by_ratio.items():
        cells = ("" if values.get(ratio) is None else f"{values[ratio]:.2f}" for ratio in ratios)
        table.add_row(modality, *cells)
    return table


def _speed(facts: dict[str, Any]) -> Table:
    table = _table("Last logged step", "", ("tokens/s", "MFU", "gradient norm", "learning rate", "skipped steps"))
    last = facts["last"]
    if last is not None:
        mfu, norm = last.get("mfu"), last.get("grad_norm")
        table.add_row(
            f"step {last['step']:,}",
            f"{last.get('tokens_per_second') or 0:,.0f}",
            "-" if mfu is None else f"{mfu:.1%}",
            "-" if norm is None else f"{norm:.3f}",
            "-" if last.get("lr") is None else f"{last['lr']:.2e}",
            f"{last.get('left_out') or 0:,.0f}",
        )
    return table


def _table(title: str, first: str, numbers: tuple[str, ...] | list[str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first)
    for name in numbers:
        table.add_column(name, justify="right")
    return table
