"""`triptych demo`: from nothing to a tri-modal dataset that can be read, seen and heard."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...schemas.dataset import Dataset

NEXT = """
What to try next, from {out}/:
  triptych stats dataset                          rows, fill, tokens, codebooks, ledger
  triptych show dataset --row 0 --out shown       any row as text, pictures and sound
  triptych prepare run.yaml --set row_length=1024 only the packing is done again
  triptych tokenizer check image --run run.yaml --path dataset/tokenizers/image
Then write a run file for corpora of your own: docs/run-file.md has every key.
"""


@click.command()
@click.option("--out", default="demo", show_default=True, type=click.Path(file_okay=False, path_type=Path))
def demo(out: Path) -> None:
    """Make a small tri-modal dataset with no download: docstrings, glyphs with their names, synthetic speech."""
    from ...pipelines.prepare import prepare
    from ...pipelines.verify import verify
    from ...schemas.errors import Refusal
    from ...schemas.run_file import load_run
    from ..progress import TerminalJournal, print_summary
    from .corpus import make_corpus

    if not (out / "run.yaml").exists():
        click.echo(f"Making three small corpora in {out}: docstrings, glyphs, speech …")
        make_corpus(out)
    # the run file's paths start from its own folder, where a user would go on
    with contextlib.chdir(out):
        config = load_run("run.yaml")
        print_summary(prepare(config, TerminalJournal()), config.out)
        dataset, findings = verify(config.out)
        if findings:
            raise Refusal(f"{findings[0].file}: {findings[0].problem}. This is a bug; please report it.", exit_code=1)
        click.echo(f"Verified: {dataset.rows} rows are what the manifest says.")
        _show_one_of_each(dataset, Path("shown"))
    click.echo(NEXT.format(out=out))


def _show_one_of_each(dataset: Dataset, out: Path) -> None:
    """Decode the first row of every group into `out`."""
    from ...pipelines.show import show_row
    from ..show import write_files

    first = 0
    for shard in dataset.manifest.shards:
        names = [
            f"{shown.segment['source']} ({' '.join((shown.text or '').split())[:40]}): {name}"
            for shown in show_row(dataset, first)
            for name in write_files(out, f"row-{first:06d}-{shown.number:03d}", shown.files)
        ]
        click.echo(f"Row {first}, {shard.group}: {len(names)} files in {out}, such as {names[-1]}")
        first += shard.rows
