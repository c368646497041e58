"""Rows of `benchmarks.scale`: resuming a finished run, on a local disk and through the latency of an object store."""

from pathlib import Path

import numpy as np

from triptych.pipelines.engines.journal import Journal
from triptych.pipelines.prepare import prepare

from . import resume
from .scale_rows import Row
from .scale_shuffle import s3_server

LATENCY = 0.020  # seconds of a request


def resume_rows(files: tuple[int, int] = (8, 32)) -> list[Row]:
    """Resume runs of two sizes on a local disk, and extend the line through them to MANY partitions."""
    found = resume.resume(files)
    sizes = " and ".join(f"{run['partitions']:,}" for run in found["runs"])
    seconds = found[f"CPU seconds of {resume.MANY:,} partitions"]
    size = f"{resume.MANY:,} partitions, from {sizes}"
    return [Row("resume of a finished run, local disk", size, seconds, "CPU s", "partitions", most=30)]


def remote_rows(folder: Path, seconds: float, files: tuple[int, int] = (2, 6)) -> list[Row]:
    """Count the requests of the driver that resumes a run on S3, for two sizes; those of a listing come on top.

    Args:
        folder: For the inputs.
        seconds: CPU seconds of resuming MANY partitions.
        files: Input files of the two runs.
    """
    counts, partitions = [], []
    with s3_server() as server:
        for number in files:
            root = folder / str(number)
            resume.write_inputs(root, number)
            config = resume.config_of(root).model_copy(update={"out": f"s3://scale/{number}"})
            prepare(config, Journal())
            journal, server.requests = Journal(), 0
            prepare(config, journal)
            counts.append(server.requests)
            partitions.append(next(step.total for step in journal.steps if step.label == "text"))
    slope, start = np.polyfit(partitions, counts, 1)
    listed = 4 * resume.MANY / 1000  # keys a page, of four stages
    requests = max(start, 0.0) + max(slope, 0.0) * resume.MANY + listed
    size = f"{resume.MANY:,} partitions, from {partitions[0]:,} and {partitions[1]:,}"
    return [
        Row("resume on S3: requests a partition", size, float(slope), "", "constant"),
        Row(
            f"resume on S3, {1e3 * LATENCY:.0f} ms a request, one by one",
            size,
            seconds + LATENCY * requests,
            "s",
            "partitions / 1,000",
            most=60,
        ),
    ]
