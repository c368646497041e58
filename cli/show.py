"""`triptych show`: a row of a dataset as a person can read, see and hear it."""

import json
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("dataset")
@click.option("--row", type=click.IntRange(0), help="Row, counted over all shards.  [default: 0]")
@click.option("--cluster", type=click.IntRange(1), help="A cluster of duplicates instead, by its number in `stats`.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write txt, png and wav files here.")
@click.option("--json", "as_json", is_flag=True, help="Print the segments as JSON.")
def show(dataset: str, row: int | None, cluster: int | None, out: Path | None, as_json: bool) -> None:
    """Turn one row of DATASET back into text, pictures and sound, and say where each segment came from."""
    if cluster is not None:
        if row is not None:
            raise click.UsageError("--row and --cluster are two things to show; give one of them.")
        _show_cluster(dataset, cluster, out, as_json)
    else:
        _show_row(dataset, row or 0, out, as_json)


def _show_row(dataset: str, row: int, out: Path | None, as_json: bool) -> None:
    from rich.table import Table

    from ..pipelines.inspection.show import show_row
    from ..schemas.dataset.reader import Dataset
    from .tables import console

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
    from ..schemas.dataset.reader import Dataset
    from .tables import cluster_table, console

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
        click.echo(f"The survivor's files: {' '.join(names)}" if names else "A later stage dropped the survivor.")
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
