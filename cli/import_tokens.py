"""`triptych import`: make a dataset of texts that were tokenized elsewhere."""

import json
from pathlib import Path

import click

from ..schemas.command_line import example
from ..schemas.visible import print_line


@click.command("import", epilog=example("triptych import tokens.idx out/web --tokenizer tokenizer.json --end 0"))
@click.argument("files", metavar="FILE [FILE]...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.argument("out", type=click.Path())
@click.option(
    "--tokenizer",
    metavar="PATH",
    required=True,
    help="Text tokenizer that made the ids: a SentencePiece model, a tokenizer.json or a .tiktoken file.",
)
@click.option(
    "--column",
    metavar="NAME",
    default="input_ids",
    show_default=True,
    help="Column of a Parquet file with the lists of ids.",
)
@click.option("--end", metavar="ID", type=click.IntRange(0), help="Id that ends each document; it is taken off.")
@click.option("--name", metavar="NAME", default="imported", show_default=True, help="Name of the dataset.")
@click.option(
    "--row-length",
    metavar="N",
    type=click.IntRange(16, 65535),
    default=4096,
    show_default=True,
    help="Tokens of a packed row.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def import_tokens(
    files: tuple[Path, ...],
    out: str,
    tokenizer: str,
    column: str,
    end: int | None,
    name: str,
    row_length: int,
    as_json: bool,
) -> None:
    """Make the dataset OUT of texts that other software has tokenized.

    FILE is an index of Megatron-LM (.idx, with the .bin beside it), a .ds file of
    datatrove (with its .ds.index), or Parquet with a column of lists of ids. The ids
    are kept as they are. An id that the tokenizer does not have is refused.
    """
    from ..pipelines.handing_on.import_tokens import ImportRequest
    from ..pipelines.handing_on.import_tokens import import_tokens as run

    manifest = run(ImportRequest(files, tokenizer, column, end, name, row_length), out)
    counts = manifest.statistics.sources[name]
    dropped = sum(sum(tally.dropped.values()) for tally in manifest.ledger)
    facts = {
        "out": out,
        "documents": counts.samples,
        "dropped": dropped,
        "tokens": counts.tokens.get("text", 0),
        "rows": manifest.statistics.rows,
        "fingerprint": manifest.fingerprint,
    }
    if as_json:
        click.echo(json.dumps(facts))
        return
    print_line(
        f"{facts['documents']:,} documents, {facts['tokens']:,} tokens in {facts['rows']:,} rows; {dropped:,} "
        f"documents dropped. Dataset {name} at {out}. Next: triptych stats {out}"
    )
