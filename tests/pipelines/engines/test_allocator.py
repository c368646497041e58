"""Memory that was freed is taken again without a page fault for each page."""

import subprocess
import sys

FAULTS = """
import resource, sys
import numpy as np
from triptych.pipelines.engines.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
for round in range(5):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    parts = [np.ones(5_000_000) for _ in range(3)]  # 40 MB each, above what glibc keeps by itself
    del parts
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_freed_memory_is_kept() -> None:
    def faults(how: str) -> int:
        return int(subprocess.check_output([sys.executable, "-c", FAULTS, how]))

    assert faults("keep") < faults("return") / 10
