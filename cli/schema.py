"""`triptych schema`: the JSON Schema of the run file, for editors."""

import json

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of the run file (the checked-in copy is docs/reference/run.schema.json)."""
    from ..schemas.config.run import RunConfig

    click.echo(json.dumps(RunConfig.model_json_schema(), indent=2, sort_keys=True))
