"""`triptych trace`: the documents of a training step, and the steps and the place of a document."""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..schemas.command_line import example
from ..schemas.errors import Refusal

if TYPE_CHECKING:
    from ..schemas.dataset.locate import Located
    from ..schemas.dataset.segment_tables import SegmentTables

_ID = re.compile(r"[0-9a-fA-F]{32}")


@click.command(epilog=example("triptych trace runs/first --step 120"))
@click.argument("path", metavar="RUN|DATASET")
@click.option("--step", metavar="N", type=int, help="List the global batch of this step; the first step is 1.")
@click.option("--document", metavar="HEX", help="Find the document with this id, or this content.")
@click.option("--source", metavar="NAME", help="Find the documents of this source ...")
@click.option("--file", metavar="NAME", help="... and of this file, as `triptych show` names it.")
@click.option("--row", metavar="N", type=click.IntRange(0), help="... and of this row of the file.")
@click.option("--data", multiple=True, metavar="DATASET", help="Where a dataset of the run is now; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def trace(
    path: str,
    step: int | None,
    document: str | None,
    source: str | None,
    file: str | None,
    row: int | None,
    data: tuple[str, ...],
    as_json: bool,
) -> None:
    """Tell which documents a training step used, or which steps used a document.

    With --step, lists the rows, documents, tasks and noise levels of the global
    batch of a step of RUN. With --document, or --source and --file, lists the steps
    of RUN that used a document; of a DATASET, where the document is, and which rows
    of the same file were dropped.

    The answer is computed from the plan of the run. Nothing is logged for it.
    """
    origin = {name: value for name, value in (("source", source), ("file", file), ("row", row)) if value is not None}
    _require_one(step, document, origin)
    if _is_dataset(path):
        if step is not None or data:
            given = "--step" if step is not None else "--data"
            raise click.UsageError(f"{given} is for runs, and {path} is a dataset. Give the folder of a run.")
        _trace_dataset(path, document, origin, as_json)
        return
    from ..train.remote.local_copy import local_logs

    folder = local_logs(path)
    if step is not None:
        _trace_step(folder, step, data, as_json)
    else:
        _trace_run(folder, document, origin, data, as_json)


def _require_one(step: int | None, document: str | None, origin: dict[str, Any]) -> None:
    given = [name for name, value in (("--step", step), ("--document", document)) if value is not None]
    given += [f"--{next(iter(origin))}"] if origin else []
    if len(given) > 1:
        raise click.UsageError(f"{given[0]} and {given[1]} exclude each other. Give one of them.")
    if not given:
        raise click.UsageError("Give --step N, --document HEX, or --source and --file.")
    if document is not None and not _ID.fullmatch(document):
        raise Refusal(f"--document {document}: an id or a content has 32 hexadecimal digits.")


def _is_dataset(path: str) -> bool:
    from ..schemas.dataset.manifest import MANIFEST
    from ..schemas.storage.store import Store

    return Store(path.rstrip("/")).exists(MANIFEST)


def _search(document: str | None, origin: dict[str, Any]) -> "Callable[[SegmentTables], Iterable[Located]]":
    from ..schemas.dataset.locate import segments_of_id, segments_where

    if document is None:
        return lambda tables: segments_where(tables, **origin)
    key = bytes.fromhex(document)
    return lambda tables: segments_of_id(tables, key) or segments_where(tables, content=key)


def _trace_step(folder: Path, step: int, data: tuple[str, ...], as_json: bool) -> None:
    from ..train.trace.batch_trace import trace_step
    from ..train.trace.traced_run import TracedRun
    from .trace_lines import print_step

    facts = trace_step(TracedRun(folder, data), step)
    if as_json:
        click.echo(json.dumps(facts))
    else:
        print_step(facts)


def _trace_run(
    folder: Path, document: str | None, origin: dict[str, Any], data: tuple[str, ...], as_json: bool
) -> None:
    from ..train.trace.document_trace import trace_document
    from ..train.trace.traced_run import TracedRun
    from .trace_lines import print_uses

    run = TracedRun(folder, data)
    lines = trace_document(run, _search(document, origin))
    if not lines:
        places = ", ".join(dict.fromkeys(one.path for one in run.record.trained_on))
        raise Refusal(f"{_named(document, origin)}: no dataset of the run has it. They are {places}.")
    if as_json:
        click.echo(json.dumps({"run": str(folder), "done": run.done, "steps": run.config.steps, "segments": lines}))
    else:
        print_uses(str(folder), run.done, run.config.steps, lines)


def _trace_dataset(path: str, document: str | None, origin: dict[str, Any], as_json: bool) -> None:
    from ..pipelines.inspection.find_documents import require_source, why_not
    from ..pipelines.inspection.trace_document import dropped_of, trace_in_dataset
    from ..schemas.dataset.reader import Dataset
    from ..schemas.dataset.segment_tables import SegmentTables
    from .trace_lines import print_places

    dataset = Dataset(path)
    if "source" in origin:
        require_source(dataset.manifest, origin["source"])
    facts = trace_in_dataset(dataset, _search(document, origin)(SegmentTables(dataset)))
    if not facts["segments"] and {"source", "file"} <= origin.keys():
        file = dropped_of(dataset, origin["source"], origin["file"])
        facts["files"] = [{**origin, **file}] if file["dropped"] else []
    if not facts["segments"] and not facts["files"]:
        why = why_not(dataset, document.lower()) if document else ""
        raise Refusal(f"{_named(document, origin)}: no shard of {dataset.where} has it{why}.")
    if as_json:
        click.echo(json.dumps(facts))
    else:
        print_places(facts, origin.get("row"))


def _named(document: str | None, origin: dict[str, Any]) -> str:
    return f"--document {document}" if document else " ".join(f"--{name} {value}" for name, value in origin.items())
