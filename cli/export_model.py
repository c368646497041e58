"""`triptych export-model`: write the model of a run in the format of another library."""

import json
import shlex

import click

from ..schemas.command_line import example
from ..schemas.visible import print_line

OPENED_BY = {"hf": 'transformers.AutoModel.from_pretrained("{out}", trust_remote_code=True)'}


@click.command(epilog=example("triptych export-model runs/first --to hf handed/first"))
@click.argument("run")
@click.argument("out", type=click.Path())
@click.option("--to", "layout", type=click.Choice(list(OPENED_BY)), required=True, help="Format to write.")
@click.option("--step", metavar="N", type=click.IntRange(0), help="Export the checkpoint of this step.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def export_model(run: str, out: str, layout: str, step: int | None, as_json: bool) -> None:
    """Write the model of RUN, a folder or URL, to the new folder OUT in the format of
    another library.

    hf holds safetensors, a config, classes for transformers, the tokenizers and a
    model card.
    """
    from ..train.handing_on.huggingface import export_to_huggingface

    made = export_to_huggingface(run, out, step)
    if as_json:
        click.echo(json.dumps({"out": out, "layout": layout, **made._asdict()}))
        return
    print_line(f"{shlex.quote(out)}: {made.parameters:,} parameters of step {made.step:,}.")
    print_line(f"Open it by {OPENED_BY[layout].format(out=out)}")
