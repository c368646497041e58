"""Serves the pages on 127.0.0.1 until it is interrupted, and tells how to reach them."""

import os
import socket
import sys
import webbrowser
from contextlib import suppress

import uvicorn

from ...schemas.errors import Refusal
from ...schemas.visible import print_line
from .items import Item
from .site import application

HOST = "127.0.0.1"


def serve(items: tuple[Item, ...], port: int, no_open: bool) -> None:
    """Serve the pages of some items.

    Args:
        items: What is shown.
        port: Port to listen on; 0 for a free one.
        no_open: Do not open a browser.

    Raises:
        Refusal: The port is taken.
    """
    pages = application(items)
    with listening(port) as listener:
        number = listener.getsockname()[1]
        address = f"http://{HOST}:{number}/"
        print_line(f"Browse {', '.join(item.where for item in items)} at {address} (Ctrl-C ends it).")
        if "SSH_CONNECTION" in os.environ:
            host = socket.gethostname()
            print_line(
                f"From your own machine: ssh -N -L {number}:{HOST}:{number} {host}, then open that address there."
            )
        elif not no_open and has_display():
            webbrowser.open(address)
        config = uvicorn.Config(pages, log_level="warning", access_log=False, lifespan="off")
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def listening(port: int) -> socket.socket:
    """Open the port on this machine's own address.

    Raises:
        Refusal: It is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()  # from now on a browser waits for its answer
    except OSError as error:
        listener.close()
        raise Refusal(
            f"--port {port}: cannot be used ({error.strerror}). Give another, or none for a free one."
        ) from None
    return listener


def has_display() -> bool:
    """Whether a browser on this machine would be seen."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
