"""The failure of a job is quoted whole, with what is most likely wrong."""

from typing import Any

import pytest

from triptych.pipelines.engines.beam_errors import LONGEST, explained
from triptych.schemas.config.run import BeamEngine

POOL = {"job_endpoint": "host:8073", "environment_type": "EXTERNAL", "environment_config": "host:50055"}


@pytest.mark.parametrize(
    ("options", "cause", "words"),
    [
        (
            POOL,
            'RuntimeError: job-001 failed in state FAILED: didn\'t get control connection to "host:50055" after 1m0s',
            "the log of the worker pool at host:50055 has its own words. Most often the pool was started with another "
            "Python",
        ),
        (
            {"job_endpoint": "host:8073"},
            'RuntimeError: failed: exec: "docker": executable file not found in $PATH',
            "Set `options.environment_type` to EXTERNAL",
        ),
        (
            POOL,
            "_InactiveRpcError: status = StatusCode.UNAVAILABLE details = failed to connect to all addresses",
            "The job server at host:8073 does not answer",
        ),
        (POOL, "RuntimeError: the SDK process ended", "ran out of memory, use fewer workers"),
    ],
)
def test_the_cause_and_a_likely_reason(options: dict[str, Any], cause: str, words: str) -> None:
    engine = BeamEngine(kind="beam", runner="PortableRunner", options=options)
    message = explained(engine, cause)
    assert message.startswith(f"engine: PortableRunner failed ({cause}). ")
    assert words in message
    assert message.endswith("Run the same command again to resume.")


def test_of_a_long_cause_the_errors_are_told_and_not_the_stacks() -> None:
    engine = BeamEngine(kind="beam", runner="PortableRunner", options=POOL)
    stack = '  File "sdk_worker.py", line 1\\n    run()\n' * 100
    cause = f"RuntimeError: job-001 failed:\n{stack}ModuleNotFoundError: No module named 'triptych'\n{stack}"
    message = explained(engine, cause)
    assert "(RuntimeError: job-001 failed:; ModuleNotFoundError: No module named 'triptych')" in message
    short = "RuntimeError: " + "word " * 100 + "and its point"
    assert len(short) < LONGEST
    assert "and its point)" in explained(engine, short)
