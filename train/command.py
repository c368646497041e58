"""The train command, as `triptych train` and, for torchrun, as `python -m triptych.train`."""

import sys

import click

from ..schemas.errors import Refusal


@click.command()
@click.argument("train_file", type=click.Path())
@click.option("--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE", help="Override a key of the train file.")
def train(train_file: str, overrides: tuple[str, ...]) -> None:
    """Train a model as described in TRAIN_FILE, or resume it; for several processes: `torchrun -m triptych.train`."""
    from ..schemas.config.load_training import load_training
    from .data.plan import plan_of
    from .run import train as run
    from .run import warnings

    config = load_training(train_file, overrides)
    for line in warnings(config, plan_of(config)):
        click.echo(f"warning: {line}", err=True)
    if run(config):
        click.echo(f"Done. The model is in {config.out}/model, the training metrics in {config.out}/metrics.jsonl.")
    else:
        click.echo("Stopped after saving a checkpoint. Run the same command again to resume.")


def main() -> None:
    """Run the command for torchrun, with the exit codes of `triptych`."""
    try:
        train(standalone_mode=False)
    except Refusal as refusal:
        click.echo(f"triptych: {refusal}", err=True)
        sys.exit(refusal.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
