"""`triptych show`: a row of a dataset as a person can read, see and hear it."""

import json
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("dataset")
@click.option("--row", type=click.IntRange(0), default=0, show_default=True, help="Row, counted over all shards.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write txt, png and wav files here.")
@click.option("--json", "as_json", is_flag=True, help="Print the segments as JSON.")
def show(dataset: str, row: int, out: Path | None, as_json: bool) -> None:
    """Turn one row of DATASET back into text, pictures and sound, and say where each segment came from."""
    from rich.table import Table

    from ..pipelines.show import show_row
    from ..schemas.dataset import Dataset
    from .tables import console

    table = Table(title=f"{dataset}, row {row}", title_justify="left")
    for name in ("#", "kind", "source", "file", "row", "tokens", "text", "files"):
        table.add_column(name, overflow="fold")
    lines: list[dict[str, Any]] = []
    for shown in show_row(Dataset(dataset), row):
        segment, text = shown.segment, shown.text
        names = write_files(out, row, shown.number, shown.files) if out else sorted(shown.files)
        lines.append(
            {
                "segment": shown.number,
                "kind": str(shown.kind),
                **{key: segment[key] for key in ("source", "file", "row", "start", "length", "offset", "last")},
                "id": segment["id"].hex(),
                "text": text,
                "files": names,
            }
        )
        excerpt = " ".join((text or "").split())
        table.add_row(
            str(shown.number),
            str(shown.kind),
            segment["source"],
            segment["file"],
            str(segment["row"]),
            str(segment["length"]),
            excerpt[:70] + "…" * (len(excerpt) > 70),
            " ".join(names),
        )
    if as_json:
        click.echo(json.dumps(lines))
    else:
        console().print(table)
    if out:
        (out / f"row-{row:06d}.json").write_text(json.dumps(lines, indent=1))


def write_files(out: Path, row: int, number: int, files: dict[str, bytes]) -> list[str]:
    """Write a segment's files into `out` and return their names."""
    out.mkdir(parents=True, exist_ok=True)
    names = []
    for extension, data in sorted(files.items()):
        name = f"row-{row:06d}-{number:03d}.{extension}"
        (out / name).write_bytes(data)
        names.append(name)
    return names
