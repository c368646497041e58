"""A file that hashes what is written to it: content that is written once and never held as a whole."""

from typing import Any

import pyarrow as pa
import xxhash


class HashingFile:
    """Passes what is written on to a sink; wrap it in `pa.PythonFile(…, mode="w")`."""

    closed = False

    def __init__(self, sink: pa.NativeFile) -> None:
        self._sink = sink
        self._digest = xxhash.xxh3_128()

    def write(self, data: Any) -> None:
        """Write some bytes."""
        self._digest.update(data)
        self._sink.write(data)

    def tell(self) -> int:
        """Number of bytes written."""
        return int(self._sink.tell())

    def flush(self) -> None:
        """Flush the sink."""
        self._sink.flush()

    def hexdigest(self) -> str:
        """The xxh3-128 of all bytes so far, in hexadecimal."""
        return self._digest.hexdigest()
