"""What C libraries print to standard error is discarded, and standard error is as before afterwards."""

import os
import subprocess
import sys
import threading

from triptych.tokenizers.quiet import STDERR, quiet_stderr

CLOSED = """
import os
from triptych.tokenizers.quiet import quiet_stderr
os.close(2)
with quiet_stderr():
    pass
try:
    os.fstat(2)
except OSError:
    print("closed")
"""


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def test_nothing_is_printed_within_the_block_by_any_thread_and_all_of_it_afterwards() -> None:
    before, target, open_ones = os.dup(STDERR), os.pipe(), threading.Barrier(8)
    try:
        os.dup2(target[1], STDERR)
        held = descriptors()

        def print_quietly() -> None:
            for _ in range(50):
                with quiet_stderr():
                    os.write(STDERR, b"quiet")
            with quiet_stderr():
                open_ones.wait()
                os.write(STDERR, b"quiet")

        threads = [threading.Thread(target=print_quietly) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        os.write(STDERR, b"loud")
        assert descriptors() == held
    finally:
        os.dup2(before, STDERR)
        for file in (before, target[1]):
            os.close(file)
    with open(target[0], "rb") as found:
        assert found.read() == b"loud"


def test_a_standard_error_that_is_closed_stays_closed() -> None:
    assert subprocess.check_output([sys.executable, "-c", CLOSED]) == b"closed\n"


FULL = """
import os, resource
from triptych.tokenizers.quiet import quiet_stderr
held = os.listdir("/proc/self/fd")
first, second = os.pipe()
for spare in (0, 1):  # one is enough for the copy of standard error, not for the file that takes its place
    resource.setrlimit(resource.RLIMIT_NOFILE, (second + 1 + spare, 4096))
    with quiet_stderr():
        os.write(2, b"run")
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
for descriptor in (first, second):
    os.close(descriptor)
print(os.listdir("/proc/self/fd") == held)
"""


def test_without_a_free_descriptor_the_block_runs_and_none_is_lost() -> None:
    # In a process of its own: a thread that another test left could open or close a descriptor meanwhile.
    found = subprocess.run([sys.executable, "-c", FULL], capture_output=True, check=True)
    assert (found.stdout, found.stderr) == (b"True\n", b"runrun")
