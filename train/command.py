"""The command that trains: `triptych train`, and `python -m triptych.train` for torchrun."""

import click

from ..schemas.command_line import example, rank
from ..schemas.visible import print_line


@click.command(epilog=example("triptych train train.yaml --set steps=2000"))
@click.argument("train_file", type=click.Path())
@click.option("--from", "start", type=int, metavar="STEP", help="Resume from the checkpoint of this step.")
@click.option("--change", is_flag=True, help="Resume although keys of the train file were changed.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE", help="Override a key of the train file; repeatable."
)
def train(train_file: str, start: int | None, change: bool, overrides: tuple[str, ...]) -> None:
    """Train a model as described by TRAIN_FILE.

    Run the same command again to resume. To train with several processes, use
    `torchrun --nproc-per-node N -m triptych.train TRAIN_FILE`.
    """
    from ..schemas.config.load_training import load_training
    from ..schemas.config.locations import public_url
    from .data.plan import plan_of
    from .run import how_it_went, warnings
    from .run import train as run

    config = load_training(train_file, overrides)
    plan = plan_of(config)
    for line in warnings(config, plan) if rank() == 0 else ():
        print_line(f"warning: {line}", err=True)
    finished = run(config, start=start, change=change)
    if rank() == 0:
        out = public_url(config.out)
        for line in how_it_went(config, plan) if finished else ():
            print_line(line)
        print_line(
            f"Done. Model: {out}/model. Training log: {out}/metrics.jsonl. Next: triptych evaluate {out}"
            if finished
            else "Stopped and saved. Run the same command again to resume."
        )
