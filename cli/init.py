"""`triptych init`: write a run file for data that is there."""

import shlex
from pathlib import Path

import click

from ..schemas.command_line import example


@click.command(epilog=example("triptych init corpora/photos corpora/docs"))
@click.argument("paths", metavar="PATH [PATH]...", nargs=-1, required=True)
@click.option(
    "--out",
    metavar="FILE",
    default="run.yaml",
    show_default=True,
    help="Name of the run file, which must not exist yet.",
)
def init(paths: tuple[str, ...], out: str) -> None:
    """Look at the files below PATH and write a run file that reads them.

    A PATH is a folder, a file or a URL. Kinds of sources, columns and sizes are
    guessed by looking at names, first bytes and first rows; the run file says on
    what ground, in a comment for every key.
    """
    from ..pipelines.starting.start import start
    from ..schemas.errors import Refusal
    from ..schemas.secrets import without_secrets
    from ..schemas.visible import print_line

    if Path(out).exists():
        raise Refusal(f"{out}: exists, and is not replaced. Give another name by --out, or delete it.")
    started = start(paths, f"triptych init {shlex.join(paths)}", out)
    Path(out).write_text(started.text, encoding="utf-8")
    for name, guess in started.sources:
        print_line(without_secrets(f"{name}: {guess.keys['kind']}, {guess.keys['path']}"))
        for ground in (*guess.grounds, *guess.hints):
            print_line(without_secrets(f"  {ground}"))
    for note in started.notes:
        print_line(without_secrets(f"left out: {note}"))
    print_line(f"Wrote {out}. Next: triptych prepare {shlex.quote(out)} --check")
