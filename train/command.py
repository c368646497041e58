"""The command that trains, as `triptych train` and, for torchrun, as `python -m triptych.train`."""

import sys

import click

from ..schemas.errors import Refusal


@click.command()
@click.argument("train_file", type=click.Path())
@click.option("--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE", help="Override a key of the train file.")
def train(train_file: str, overrides: tuple[str, ...]) -> None:
    """Train a model as TRAIN_FILE says. Run it again to resume; `torchrun -m triptych.train` runs several processes."""
    from ..schemas.config.load_training import load_training
    from .data.plan import plan_of
    from .run import train as run
    from .run import warnings

    config = load_training(train_file, overrides)
    for line in warnings(config, plan_of(config)):
        click.echo(f"warning: {line}", err=True)
    if run(config):
        click.echo(f"Done: {config.out}/model is the model, {config.out}/metrics.jsonl how it came to be.")
    else:
        click.echo("Stopped, and saved. Run the same command again to go on.")


def main() -> None:
    """Run the command for torchrun; exit codes as those of `triptych`."""
    try:
        train(standalone_mode=False)
    except Refusal as refusal:
        click.echo(f"triptych: {refusal}", err=True)
        sys.exit(refusal.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
