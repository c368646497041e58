"""`triptych schema`: print the JSON Schema of a configuration file, for editors."""

import json

import click

from ..schemas.command_line import example


@click.command(epilog=example("triptych schema train > train.schema.json"))
@click.argument("file", type=click.Choice(["run", "train", "mix"]), default="run", metavar="[run|train|mix]")
def schema(file: str) -> None:
    """Print the JSON Schema of a configuration file.

    The file is a run file (run, the default), a train file (train) or a mix file
    (mix). Copies are in docs/reference/.
    """
    from pydantic import BaseModel

    from ..schemas.config.mix import MixFile
    from ..schemas.config.run import RunConfig
    from ..schemas.config.training import TrainConfig

    models: dict[str, type[BaseModel]] = {"run": RunConfig, "train": TrainConfig, "mix": MixFile}
    click.echo(json.dumps(models[file].model_json_schema(), indent=2, sort_keys=True))
