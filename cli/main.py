"""The `triptych` command. Subcommands are imported when they are called, so that `--help` is quick."""

import importlib
import os
import sys

import click

from ..schemas.errors import Refusal
from ..schemas.storage.full_disk import refusing_full_disk

# OpenMP threads that wait spin by default: on a busy machine training then burns many times the CPU time
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

COMMANDS = {
    "prepare": ("prepare", "Turn corpora into packed Arrow shards, as a run file says."),
    "verify": ("verify", "Recompute everything that a dataset says of itself."),
    "show": ("show", "Turn a row back into text, pictures and sound."),
    "stats": ("stats", "Rows, fill, tokens, codebooks and the ledger of a dataset."),
    "mix": ("mix", "What a mix of datasets comes to, before anything is trained."),
    "train": ("train", "Train a model on a mix of datasets, as a train file says."),
    "sample": ("sample", "Text, pictures and speech out of a trained model."),
    "evaluate": ("evaluate", "Figures of a trained model, each with its error, floor and control."),
    "scaling": ("scaling", "Scaling laws over a folder of runs; sweeps that make one."),
    "takedown": ("takedown", "Remove documents from a dataset by their ids."),
    "tokenizer": ("tokenizer", "Train a tokenizer, or check one by a round trip."),
    "schema": ("schema", "Print the JSON Schema of the run file."),
    "demo": ("demo.command", "Make a small tri-modal dataset with no download, and look at it."),
}
STORE_CLIENTS = {"aiohttp", "azure", "botocore", "gcsfs", "google"}  # their errors are of a store, or the way to it


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own and cost nothing until used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of a user's day."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command's module, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{COMMANDS[cmd_name][0]}", __package__)
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="triptych")
def cli() -> None:
    """Tri-modal pretraining data: text, image-text and audio-text corpora to packed, verifiable Arrow shards."""


def main() -> None:
    """Run the command line; exit codes: 0 done, 1 failed, 2 misuse."""
    try:
        with refusing_full_disk():
            cli(standalone_mode=False)
    except Refusal as refusal:
        click.echo(f"triptych: {refusal}", err=True)
        sys.exit(refusal.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("triptych: stopped; run the same command again to go on where it stopped.", err=True)
        sys.exit(130)
    except Exception as error:
        # disks, networks and rights fail without a bug; anything else is one, and keeps its traceback
        if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] not in STORE_CLIENTS:
            raise
        said = " ".join(f"{type(error).__name__}: {error}".split())
        click.echo(
            f"triptych: {said}. What was committed is whole; mend that, then run the same command again.", err=True
        )
        sys.exit(1)
