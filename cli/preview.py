"""The report of `triptych prepare --check`, readable in 80 columns."""

from typing import Any

from rich.console import Console
from rich.table import Table

from ..schemas.console import VisibleConsole, text

WIDTH = 80
UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def print_preview(facts: dict[str, Any]) -> None:
    """Print what `preview` found, a block for each source and one for the run."""
    screen = VisibleConsole()
    if not screen.is_terminal:
        screen = VisibleConsole(width=WIDTH)
    for source in facts["sources"]:
        role = "evaluation set, " if source["evaluation"] else ""
        _block(screen, f"{source['name']}  ({role}{source['kind']}, {source['modality']})", _source(source))
    _block(screen, f"run {facts['name']}", _run(facts))
    if facts["empty"]:
        screen.print(
            f"Of the first rows of {', '.join(facts['empty'])} nothing would be kept. See the reasons above; the "
            "columns of the source may be the wrong ones."
        )
    else:
        screen.print("Nothing was written. Estimates are from the first rows of a few files.")


def _block(screen: Console, title: str, lines: list[tuple[str, str]]) -> None:
    screen.print(text(title, style="bold"))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=9)
    table.add_column(overflow="fold")
    for name, value in lines:
        table.add_row(f"  {name}", value)
    screen.print(table)
    screen.print()


def _source(source: dict[str, Any]) -> list[tuple[str, str]]:
    head, about = source["head"], "" if source["exact"] else "about "
    size = f", {'' if source['bytes_exact'] else 'about '}{in_bytes(source['bytes'])}"
    files = f"{source['files']:,} {source['files_are']}{'s' * (source['files'] != 1)}{size}"
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in head["dropped"].items())
    kept = f"{head['rows']:,} rows read, {head['kept']:,} samples kept"
    lines = [
        ("path", source["path"]),
        ("size", f"{files}; {about}{source['rows']:,} rows ({source['ground']})"),
        ("columns", _columns(source)),
        ("head", kept + (f"; dropped: {dropped}" if dropped else "")),
    ]
    example = source["dropped_example"]
    if example:
        row = "the file" if example["row"] < 0 else f"row {example['row']}"
        detail = f": {example['detail']}" if example["detail"] else ""
        lines.append(("", f"such as {example['file']}, {row}: {example['reason']}{detail}"))
    lines += _sample(source["sample"])
    if source["tokens"]:
        lines.append(("tokens", f"about {_tokens(source['tokens'])}"))
    return lines


def _columns(source: dict[str, Any]) -> str:
    found = ", ".join(source["columns"]) or "not listed"
    return f"{found}; used: {', '.join(source['used'])}"


def _sample(sample: dict[str, Any] | None) -> list[tuple[str, str]]:
    if sample is None:
        return []
    parts = [f"{sample['characters']:,} characters"]
    if "pixels" in sample:
        parts.append("{} x {} pixels".format(*sample["pixels"]))
    if "seconds" in sample:
        parts.append(f"{sample['seconds']:g} s at {sample['rate']:,} Hz")
    excerpt = " ".join(sample["text"].split())
    more = " …" if sample["characters"] > len(sample["text"]) else ""
    return [("sample", f"{sample['file']}, row {sample['row']}: {', '.join(parts)}"), ("", excerpt + more)]


def _run(facts: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [("tokens", f"about {_tokens(facts['tokens'])}" if facts["tokens"] else "none")]
    lines += [("", f"{name}: {ground}") for name, ground in facts["grounds"].items()]
    shards, work = facts["shard_bytes"], facts["work_bytes"]
    lines.append(("disk", f"about {in_bytes(shards)} of shards, and {in_bytes(work)} below _work during the run"))
    workers = f"{facts['workers']} worker{'s' * (facts['workers'] != 1)}"
    lines.append(("time", f"about {in_time(facts['seconds'])} with {workers}, without a GPU, to within a factor of 3"))
    return lines


def _tokens(tokens: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in tokens.items())


def in_bytes(count: float) -> str:
    """Write a number of bytes with two or three digits."""
    for size, unit in UNITS:
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} bytes"


def in_time(seconds: float) -> str:
    """Write a duration in the largest unit that fits."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 1):.0f} seconds"
