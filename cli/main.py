"""The `triptych` command. A subcommand is imported when it is called, so that `--help` is quick."""

import importlib
from itertools import chain
from typing import NamedTuple

import click

from ..schemas.command_line import run_command


class _Entry(NamedTuple):
    """The module of a command, and its line in the list of commands."""

    module: str
    summary: str
    function: str = ""  # where it is not the name of the command


SECTIONS = {
    "Start": {"demo": _Entry("demo.command", "Run the whole workflow on generated data, without a download.")},
    "Prepare": {
        "init": _Entry("init", "Write a run file for data that is there."),
        "prepare": _Entry("prepare", "Prepare a dataset of packed Arrow shards from a run file."),
        "tokenizer": _Entry("tokenizer", "Train a tokenizer, or measure its round-trip quality."),
    },
    "Inspect": {
        "browse": _Entry("browse.command", "Look at datasets and training runs in a web browser."),
        "watch": _Entry("watch", "Follow a training or a preparation in the terminal."),
        "verify": _Entry("verify", "Check a dataset against its manifest."),
        "stats": _Entry("stats", "Print statistics of a dataset or of a training run."),
        "show": _Entry("show", "Decode one row of a dataset to text, images and audio."),
        "diff": _Entry("diff", "Print what differs between two datasets, or two training runs."),
        "trace": _Entry("trace", "Tell which documents a step used, and which steps a document."),
    },
    "Train": {
        "mix": _Entry("mix", "Summarize a mix of datasets before training."),
        "train": _Entry("train", "Train a model from a train file."),
        "sample": _Entry("sample", "Generate text, images and speech from a trained model."),
        "evaluate": _Entry("evaluate", "Evaluate a trained model."),
        "scaling": _Entry("scaling", "Train a series of runs and fit a scaling law to them."),
    },
    "Hand on": {
        "export": _Entry("export", "Write a dataset in the format of another library."),
        "export-model": _Entry("export_model", "Write a trained model for another library.", "export_model"),
        "import": _Entry("import_tokens", "Make a dataset of texts that were tokenized elsewhere.", "import_tokens"),
        "card": _Entry("card", "Write a dataset card, also as Croissant."),
        "merge": _Entry("merge", "Merge datasets that have one vocabulary."),
    },
    "Maintain": {
        "takedown": _Entry("takedown", "Remove documents from a dataset."),
        "schema": _Entry("schema", "Print the JSON Schema of a configuration file."),
    },
}
COMMANDS = dict(chain.from_iterable(section.items() for section in SECTIONS.values()))


class LazyGroup(click.Group):
    """A group whose commands are modules that are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands in the order of work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{COMMANDS[cmd_name].module}", __package__)
        command: click.Command = getattr(module, COMMANDS[cmd_name].function or cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        width = max(map(len, COMMANDS))
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), entry.summary) for name, entry in section.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Name the help of a command."""
        formatter.write_paragraph()
        formatter.write_text("Run `triptych COMMAND --help` for the arguments and an example of a command.")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="triptych")
def cli() -> None:
    """Prepare text, image-text and audio-text corpora as packed Arrow shards of
    tokens, and train, sample and evaluate a masked diffusion model on them.
    """


def main() -> None:
    """Run the command line."""
    run_command(cli)
