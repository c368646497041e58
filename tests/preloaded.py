"""What the fork server of `processes` imports: whatever its children would import otherwise."""

import importlib

from triptych.pipelines.engines.beam_workers import quiet_beam

from . import processes as processes

quiet_beam()
for name in (
    "apache_beam.runners.worker.sdk_worker",
    "distributed",
    "pandas",
    "pytest",  # the main module of the process that asks
    "torch.utils.tensorboard",
    "triptych.cli.main",
    "triptych.pipelines.prepare",
    "triptych.schemas.config.load_training",
    "triptych.tokenizers.audio.rvq",
    "triptych.tokenizers.image.diffusers_vq",
    "triptych.tokenizers.text.sentencepiece_text",
    "triptych.train.command",
    "triptych.train.run",
):
    importlib.import_module(name)
