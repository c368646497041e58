"""What the failure of a Beam job means for the user: the whole cause, and what is most likely wrong."""

import re

from ...schemas.config.run import BeamEngine
from ...schemas.errors import brief

LONGEST = 2000  # characters of a cause; a job server may send the stack of each of its processes
RESUME = "Run the same command again to resume."
MEMORY = "If a worker ran out of memory, use fewer workers or a smaller partition_bytes."


def explained(config: BeamEngine, cause: str) -> str:
    """Return the message for a job that a runner gave up.

    Args:
        config: The engine of the run file.
        cause: What the runner said.
    """
    return f"engine: {config.runner} failed ({brief(_point(cause), LONGEST)}). {_advice(config, cause)} {RESUME}"


def _point(cause: str) -> str:
    """Return the errors that a long cause names, without the stacks between them; a short one as it is."""
    lines = cause.replace("\\n", "\n").splitlines()
    errors = dict.fromkeys(line.strip() for line in lines if re.match(r"\s*[\w.]*(Error|Exception|Refusal): ", line))
    return "; ".join(errors) if len(cause) > LONGEST and errors else cause


def _advice(config: BeamEngine, cause: str) -> str:
    options = config.options
    if re.search(r"control connection|worker pool|environment .*(failed|timed out)", cause, re.IGNORECASE):
        where = f" at {options['environment_config']}" if "environment_config" in options else ""
        return (
            f"No worker connected to the job: the log of the worker pool{where} has its own words. Most often the pool "
            "was started with another Python, without Triptych or with another version of Beam; start it with the "
            "environment of the driver first on PATH."
        )
    if re.search(r"\bdocker\b", cause, re.IGNORECASE) and options.get("environment_type") in (None, "DOCKER"):
        return (
            "The job server tried to start workers in a container. Set `options.environment_type` to EXTERNAL with the "
            "address of a worker pool in `environment_config`, or to LOOPBACK for workers in this process."
        )
    if re.search(r"UNAVAILABLE|failed to connect|Connection refused", cause, re.IGNORECASE):
        where = str(options.get("job_endpoint", "its address"))
        return f"The job server at {where} does not answer: look whether it is running, and at its log."
    return MEMORY
