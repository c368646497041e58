"""Write the `model` folder of a trained run: the weights, and what sampling needs beside them."""

from pathlib import Path

from ..model.network.export import save_model
from ..model.network.transformer import Transformer
from ..schemas.config.training import TrainConfig
from .data.plan import Plan
from .data.shards import Shards
from .distributed.parallel import whole_value
from .distributed.process_group import ProcessGroup
from .generate.companions import save_companions


def export_model(
    folder: Path, model: Transformer, plan: Plan, shards: Shards, config: TrainConfig, process: ProcessGroup
) -> None:
    """Write the weights of a model as float32; all processes call this, and rank 0 writes.

    Args:
        folder: The `model` folder of the run.
        model: The model, whose parameters may be sharded.
        plan: Plan of the run.
        shards: Its shards.
        config: The train file.
        process: This process.
    """
    whole = {name: whole_value(parameter) for name, parameter in model.named_parameters()}
    if process.first:
        save_companions(folder, plan, shards)
        save_model(folder, whole, model.shape, plan.vocabulary, config.objective.kind)
    process.wait()
