"""`triptych show`: decode one row of a dataset, or list a cluster of duplicates."""

import json
from pathlib import Path
from typing import Any

import click

from ..schemas.command_line import example
from ..schemas.visible import print_line


@click.command(epilog=example("triptych show out/stamps --row 0 --out shown"))
@click.argument("dataset")
@click.option("--row", metavar="N", type=click.IntRange(0), help="Row number, counted over all shards; 0 if not given.")
@click.option(
    "--cluster",
    metavar="N",
    type=click.IntRange(1),
    help="Show a cluster of duplicates instead, by its number in `triptych stats`.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write text, PNG and WAV files to this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the segments as JSON.")
def show(dataset: str, row: int | None, cluster: int | None, out: Path | None, as_json: bool) -> None:
    """Decode one row of DATASET to text, images and audio.

    Prints the source, file and row that each segment of the row comes from.
    """
    if cluster is not None:
        if row is not None:
            raise click.UsageError("--row and --cluster exclude each other. Give one of them.")
        _show_cluster(dataset, cluster, out, as_json)
    else:
        _show_row(dataset, row or 0, out, as_json)


def _show_row(dataset: str, row: int, out: Path | None, as_json: bool) -> None:
    from rich.table import Table

    from ..pipelines.inspection.show import show_row
    from ..schemas.console import console
    from ..schemas.dataset.reader import Dataset

    table = Table(title=f"{dataset}, row {row}", title_justify="left")
    for name in ("#", "kind", "source", "file", "row", "license", "tokens", "text", "files"):
        table.add_column(name, overflow="fold")
    lines: list[dict[str, Any]] = []
    for shown in show_row(Dataset(dataset), row):
        segment, text = shown.segment, shown.text
        stem = f"row-{row:06d}-{shown.number:03d}"
        names = write_files(out, stem, shown.files) if out else sorted(shown.files)
        lines.append(
            {
                "segment": shown.number,
                "kind": str(shown.kind),
                **{key: segment[key] for key in ("source", "file", "row", "license")},
                **{key: segment[key] for key in ("start", "length", "offset", "last")},
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
            segment["license"] or "",
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


def _show_cluster(dataset: str, cluster: int, out: Path | None, as_json: bool) -> None:
    from ..pipelines.inspection.show import show_cluster
    from ..schemas.console import console
    from ..schemas.dataset.reader import Dataset
    from .tables import cluster_table

    rows, survivor = show_cluster(Dataset(dataset), cluster)
    names = []
    for piece, shown in enumerate(survivor, start=1):
        stem = f"cluster-{cluster:06d}-{piece:03d}"
        names += write_files(out, stem, shown.files) if out else sorted(shown.files)
    lines = [line | {"id": line["id"].hex()} for line in rows]
    if as_json:
        click.echo(json.dumps({"rows": lines, "survivor": names}))
    else:
        console().print(cluster_table(f"{dataset}, cluster {cluster}: {len(rows):,} rows", rows))
        print_line(
            f"Files of the row that was kept: {' '.join(names)}"
            if names
            else "A later stage dropped the row that was kept."
        )
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"cluster-{cluster:06d}.json").write_text(json.dumps(lines, indent=1))


def write_files(out: Path, stem: str, files: dict[str, bytes]) -> list[str]:
    """Write a segment's files into `out` and return their names."""
    out.mkdir(parents=True, exist_ok=True)
    names = []
    for extension, data in sorted(files.items()):
        name = f"{stem}.{extension}"
        (out / name).write_bytes(data)
        names.append(name)
    return names
