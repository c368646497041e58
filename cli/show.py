"""`triptych show`: decode rows or documents of a dataset, or list its duplicates or its dropped rows."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..schemas.command_line import SEED, example
from ..schemas.visible import print_line

if TYPE_CHECKING:
    from ..pipelines.inspection.show import DecodedSegment
    from ..schemas.dataset.reader import Dataset

SAMPLE = 10  # documents that --source shows without --sample


@click.command(epilog=example("triptych show out/stamps --row 0 --out shown"))
@click.argument("dataset")
@click.option("--row", metavar="N", type=click.IntRange(0), help="Row number, counted over all shards; 0 if not given.")
@click.option("--id", "document", metavar="HEX", help="Show the document with this id instead.")
@click.option(
    "--cluster",
    metavar="N",
    type=click.IntRange(1),
    help="Show a cluster of duplicates instead, by its number in `triptych stats`.",
)
@click.option(
    "--dropped",
    metavar="[REASON]",
    is_flag=False,
    flag_value="",
    help="List the dropped rows instead: all, or those dropped for REASON.",
)
@click.option("--source", metavar="NAME", help="Show documents, or list dropped rows, of this source alone.")
@click.option(
    "--sample",
    metavar="N",
    type=click.IntRange(1),
    help=f"Draw N documents, or N dropped rows; with --source alone {SAMPLE} documents.",
)
@click.option(
    "--seed",
    metavar="N",
    type=SEED,
    default=0,
    show_default=True,
    help="Random seed of --sample.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write text, PNG and WAV files to this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the segments or rows as JSON.")
def show(
    dataset: str,
    row: int | None,
    document: str | None,
    cluster: int | None,
    dropped: str | None,
    source: str | None,
    sample: int | None,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Decode one row of DATASET to text, images and audio.

    Prints the source, file and row that each segment of the row comes from.
    Instead of a row, --id shows a document, --source and --sample show some
    documents, --cluster a cluster of duplicates, and --dropped lists the rows that
    were dropped, with what their source holds there now.
    """
    from ..schemas.dataset.reader import Dataset

    drawn = {"--source": source, "--sample": sample}
    _exclude({"--row": row, "--id": document, "--cluster": cluster, "--dropped": dropped})
    for option, value in {"--row": row, "--id": document, "--cluster": cluster}.items():
        for other in drawn:
            _exclude({option: value, other: drawn[other]})
    _exclude({"--dropped": dropped, "--out": out})
    opened = Dataset(dataset)
    if dropped is not None:
        from .show_dropped import list_dropped

        list_dropped(opened, dropped or None, source, sample, seed, as_json)
    elif cluster is not None:
        _show_cluster(opened, cluster, out, as_json)
    elif document is not None:
        _show_id(opened, document, out, as_json)
    elif any(drawn.values()):
        _show_sample(opened, source, sample or SAMPLE, seed, out, as_json)
    else:
        _show_row(opened, row or 0, out, as_json)


def _exclude(options: dict[str, Any]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1:
        raise click.UsageError(f"{given[0]} and {given[1]} exclude each other. Give one of them.")


def _show_row(dataset: "Dataset", row: int, out: Path | None, as_json: bool) -> None:
    from ..pipelines.inspection.show import show_row

    shown = ((f"row-{row:06d}-{each.number:03d}", each) for each in show_row(dataset, row))
    _show(f"{dataset.where}, row {row}", shown, f"row-{row:06d}", out, as_json)


def _show_id(dataset: "Dataset", document: str, out: Path | None, as_json: bool) -> None:
    from ..pipelines.inspection.find_documents import find_document
    from ..pipelines.inspection.show import show_places

    places = find_document(dataset, document)
    name = f"document-{places[0].document.hex()}"
    shown = ((f"{name}-{piece:03d}", each) for piece, each in enumerate(show_places(dataset, places), start=1))
    _show(f"{dataset.where}, document {places[0].document.hex()}", shown, name, out, as_json)


def _show_sample(
    dataset: "Dataset", source: str | None, count: int, seed: int, out: Path | None, as_json: bool
) -> None:
    from ..pipelines.inspection.find_documents import find_segments, sample_documents
    from ..pipelines.inspection.show import show_places

    sample = sample_documents(dataset, source, count, seed)
    places = find_segments(dataset, sample.ids)
    of = f" of {source}" if source else ""
    title = f"{dataset.where}: {len(sample.ids):,} of {sample.of:,} documents{of}, seed {seed}"
    shown = ((f"sample-{piece:04d}", each) for piece, each in enumerate(show_places(dataset, places), start=1))
    _show(title, shown, "sample", out, as_json)


def _show(
    title: str, shown: "Iterable[tuple[str, DecodedSegment]]", stem: str, out: Path | None, as_json: bool
) -> None:
    """Print decoded segments one after another, and write their files and their description into `out`."""
    from ..schemas.console import console
    from ..schemas.dataset.kept import kept_of
    from .show_lines import print_segment
    from .terminal_picture import print_picture

    screen = console()
    lines: list[dict[str, Any]] = []
    if not as_json:
        print_line(title)
    for name, each in shown:
        segment = each.segment
        files = write_files(out, name, each.files) if out else sorted(each.files)
        lines.append(
            {
                "segment": each.number,
                "packed_row": each.row,
                "kind": str(each.kind),
                **{key: segment[key] for key in ("source", "file", "row", "license")},
                **{key: segment[key] for key in ("start", "length", "offset", "last")},
                "id": segment["id"].hex(),
                **({"content": segment["content"].hex()} if "content" in segment else {}),
                **({"kept": kept_of(segment)} if "kept" in segment else {}),
                "text": each.text,
                "files": files,
            }
        )
        if not as_json:
            print_segment(lines[-1])
            if "png" in each.files:
                print_picture(each.files["png"], screen)
    if as_json:
        click.echo(json.dumps(lines))
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{stem}.json").write_text(json.dumps(lines, indent=1))


def _show_cluster(dataset: "Dataset", cluster: int, out: Path | None, as_json: bool) -> None:
    from ..pipelines.inspection.show import show_cluster
    from ..schemas.console import console
    from .tables import cluster_table

    rows, survivor = show_cluster(dataset, cluster)
    names = []
    for piece, shown in enumerate(survivor, start=1):
        stem = f"cluster-{cluster:06d}-{piece:03d}"
        names += write_files(out, stem, shown.files) if out else sorted(shown.files)
    lines = [line | {"id": line["id"].hex()} for line in rows]
    if as_json:
        click.echo(json.dumps({"rows": lines, "survivor": names}))
    else:
        console().print(cluster_table(f"{dataset.where}, cluster {cluster}: {len(rows):,} rows", rows))
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
