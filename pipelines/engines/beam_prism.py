"""A Prism process: Beam's runner in Go, a job server on this machine that ends with the engine."""

import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from ...schemas.errors import Refusal, brief

STARTS = 60.0  # seconds in which it opens its port, on a busy machine
LAST_WORDS = 2000  # bytes of its log that a message quotes


class Prism:
    """A running Prism.

    Args:
        program: Path of the program.

    Raises:
        Refusal: There is no such program, or it does not start.
    """

    def __init__(self, program: str) -> None:
        if not Path(program).is_file():
            raise Refusal(
                f"engine.options.prism_location: there is no file {program}. Build it with `deploy/prism.sh FOLDER`."
            )
        self._log = tempfile.TemporaryFile(prefix="triptych-")  # noqa: SIM115 it is read until the engine is closed
        port = _free_port()
        self.endpoint = f"localhost:{port}"
        command = [program, "-job_port", str(port), "-serve_http=false", "-log_kind", "text"]
        try:
            # in the group of the driver, so that what ends that ends this, too
            self._process = subprocess.Popen(  # noqa: S603 the program that the run file names
                command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise Refusal(f"engine.options.prism_location: {program} is no program ({brief(error)}).") from None
        self._await(program, port)

    @property
    def last_words(self) -> str:
        """The end of its log."""
        end = self._log.seek(0, 2)
        self._log.seek(max(0, end - LAST_WORDS))
        return brief(self._log.read().decode(errors="replace"), LAST_WORDS)

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _await(self, program: str, port: int) -> None:
        deadline = time.monotonic() + STARTS
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("localhost", port), timeout=1):
                return
            time.sleep(0.05)
        words = self.last_words
        self.close()
        raise Refusal(f"engine.options.prism_location: {program} did not start ({words or 'it said nothing'}).")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("localhost", 0))
        port: int = one.getsockname()[1]
        return port
