"""A TCP proxy that delays every byte: what a client at a distance sees of a server."""

import socket
import threading
import time
from contextlib import suppress
from typing import Self

BLOCK = 1 << 16


class SlowNetwork:
    """Listens on loopback and forwards to a server, `delay` seconds later in each direction."""

    def __init__(self, host: str, port: int, delay: float) -> None:
        self._server, self._delay = (host, port), delay
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(BLOCK):
                time.sleep(self._delay)
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
