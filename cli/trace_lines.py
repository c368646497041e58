"""The lines that `triptych trace` prints; they fit a terminal of 80 columns unless a name is longer."""

from collections import Counter
from typing import Any

from ..schemas.visible import print_line

MOST = 20  # uses, and dropped rows, that are printed; `--json` has all


def print_step(facts: dict[str, Any]) -> None:
    """Print the rows of a global batch, with the segments of each."""
    rows = facts["rows"]
    segments = [one for row in rows for one in row["segments"]]
    trained = [one for one in segments if not one["held_out"]]
    later = "" if facts["done"] else ", not done yet"
    print_line(f"{facts['run']}, step {facts['step']:,} of {facts['steps']:,}{later}")
    print_line(
        f"{_count(len(rows), 'row')} of {facts['row_length']:,} tokens, "
        f"{_count(len({one['id'] for one in trained}), 'document')} in {_count(len(trained), 'segment')}"
        + (f", and {_count(len(segments) - len(trained), 'segment')} held out" if len(segments) > len(trained) else "")
    )
    tasks = Counter(one["task"] for one in trained)
    print_line("tasks: " + ", ".join(f"{name} {count:,}" for name, count in tasks.most_common()))
    for row in rows:
        print_line("")
        print_line(
            f"row {row['batch_row']}  epoch {row['epoch']}, {row['dataset']}, packed row {row['packed_row']} "
            f"(row {row['shard_row']} of {row['shard']})"
        )
        for one in row["segments"]:
            print_line(f"  {one['segment']:>3}  {_drawn(one)}")
            print_line(f"       {_origin(one)}")
            print_line(f"       id {one['id']}")
            if "content" in one:
                print_line(f"       content {one['content']}")


def print_uses(run: str, done: int, steps: int, lines: list[dict[str, Any]]) -> None:
    """Print where documents are, and the steps that used them."""
    print_line(f"{run}: {done:,} of {steps:,} steps done")
    for line in lines:
        print_line("")
        _print_place(line, line["dataset"])
        print_line("  " + _verdict(line))
        for use in line["uses"][:MOST]:
            print_line(f"    step {use['step']:,}, row {use['batch_row']}, epoch {use['epoch']}: {_drawn(use)}")
        if len(line["uses"]) > MOST:
            last = line["uses"][-1]["step"]
            print_line(f"    … and {len(line['uses']) - MOST:,} more, the last in step {last:,}; --json lists all")


def print_places(facts: dict[str, Any], row: int | None = None) -> None:
    """Print where documents of a dataset are, and which rows of their files were dropped."""
    for line in facts["segments"]:
        _print_place(line, facts["dataset"])
        print_line("")
    for file in facts["files"]:
        name = f"{file['source']}: {file['file']}"
        if not file["dropped"]:
            print_line(f"No row of {name} was dropped.")
            continue
        print_line(f"{_count(file['dropped'], 'row')} of {name} dropped:")
        for reason in file["reasons"]:
            print_line(f"{reason['rows']:>9,}  {reason['stage']}: {reason['reason']}")
        mine = [one for one in file["rows"] if row in (None, one["row"])]
        for one in mine[:MOST]:
            detail = f": {one['detail']}" if one["detail"] else ""
            print_line(f"    row {one['row']}  {one['reason']}{detail}")
        if len(mine) > MOST:
            print_line(f"    … and {len(mine) - MOST:,} more; --json lists them")
        if row is not None and not mine and not facts["segments"]:
            print_line(f"    row {row} is not among the rows that are listed")


def _print_place(line: dict[str, Any], dataset: str) -> None:
    print_line(_origin(line))
    print_line(f"  id {line['id']}")
    if "content" in line:
        print_line(f"  content {line['content']}")
    stop = line["start"] + line["length"]
    print_line(
        f"  in {dataset}, packed row {line['packed_row']}, segment {line['segment']}, tokens {line['start']}–{stop}"
    )
    print_line(f"  row {line['shard_row']} of {line['shard']}")


def _verdict(line: dict[str, Any]) -> str:
    if not line["in_mix"]:
        return "never trained on: the mix does not select its rows"
    if line["held_out"]:
        return "held out for validation: never trained on"
    to_come = f", and {_count(line['to_come'], 'time')} in steps that are not done yet" if line["to_come"] else ""
    if not line["uses"]:
        return f"not trained on in these steps{to_come}"
    return f"trained on {_count(len(line['uses']), 'time')}{to_come}:"


def _drawn(one: dict[str, Any]) -> str:
    """Task and noise of a segment."""
    if one.get("held_out"):
        return f"{one['kind']}, held out: padding in this batch"
    kind = f"{one['kind']}, " if "kind" in one else ""
    rate = f", mask rate {one['mask_rate']:.1%}" if "mask_rate" in one else ""
    return f"{kind}task {one['task']}{rate}{', condition hidden' if one.get('condition_dropped') else ''}"


def _origin(one: dict[str, Any]) -> str:
    piece = "" if one["offset"] == 0 and one["last"] else f", piece from token {one['offset']:,}"
    return f"{one['source']}: {one['file']}, row {one['row']}{piece}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
