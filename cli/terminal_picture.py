"""Draws an image in a terminal: as pixels where it knows a protocol for them, else with half blocks in colour.

Protocols: https://sw.kovidgoyal.net/kitty/graphics-protocol/ and https://iterm2.com/documentation-images.html.
"""

import base64
import io
import os
import sys
from collections.abc import Mapping

import numpy as np
from PIL import Image
from rich.color import Color
from rich.style import Style
from rich.text import Text

from ..schemas.console import VisibleConsole

COLUMNS, ROWS = 48, 24  # cells at most
CHUNK = 4096  # bytes of an escape sequence of kitty's
UPPER_HALF = "▀"
ITERM = {"iTerm.app", "WezTerm", "mintty"}


def protocol(environment: Mapping[str, str]) -> str | None:
    """The protocol for pixels that a terminal is known to have: `kitty`, `iterm`, or None.

    Inside of tmux and screen there is none, since these pass such sequences on only where they are told to.
    """
    term = environment.get("TERM", "")
    if environment.get("TMUX") or term.startswith(("tmux", "screen")):
        return None
    if environment.get("KITTY_WINDOW_ID") or term in ("xterm-kitty", "xterm-ghostty"):
        return "kitty"
    return "iterm" if environment.get("TERM_PROGRAM") in ITERM else None


def print_picture(png: bytes, console: VisibleConsole) -> None:
    """Print an image below the last line; nothing where the output is no terminal with colours."""
    if not console.is_terminal or console.color_system in (None, "standard"):
        return
    known = protocol(os.environ)
    if known is not None:
        sys.stdout.write(f"   {kitty(png) if known == 'kitty' else iterm(png)}\n")
        sys.stdout.flush()
    elif console.encoding.startswith("utf"):
        for line in half_blocks(png, min(COLUMNS, console.width - 3)):
            console.print(Text("   ") + line)


def half_blocks(png: bytes, columns: int) -> list[Text]:
    """Lines of half blocks: the colour of a character is the upper pixel of a cell, its background the lower one.

    Args:
        png: The image.
        columns: Cells at most.
    """
    image = Image.open(io.BytesIO(png)).convert("RGB")
    scale = min(columns / image.width, 2 * ROWS / image.height, 1.0)
    height = max(2, round(image.height * scale / 2) * 2)
    pixels = np.asarray(image.resize((max(1, round(image.width * scale)), height), Image.Resampling.LANCZOS))
    lines = []
    for top, below in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        line = Text()
        for upper, lower in zip(top, below, strict=True):
            line.append(UPPER_HALF, Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower)))
        lines.append(line)
    return lines


def kitty(png: bytes) -> str:
    """Escape sequences that transmit a PNG in pieces and show it in at most ROWS rows."""
    data = base64.standard_b64encode(png).decode()
    pieces = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    size = f"a=T,f=100,r={rows_of(png)},"
    return "".join(
        f"\x1b_G{size if at == 0 else ''}m={int(at < len(pieces) - 1)};{piece}\x1b\\" for at, piece in enumerate(pieces)
    )


def iterm(png: bytes) -> str:
    """The escape sequence that shows a PNG in at most ROWS rows."""
    data = base64.standard_b64encode(png).decode()
    return f"\x1b]1337;File=inline=1;size={len(png)};height={rows_of(png)};preserveAspectRatio=1:{data}\x07"


def rows_of(png: bytes, cell: int = 16) -> int:
    """Rows of a terminal whose cells are about `cell` pixels high."""
    return max(2, min(ROWS, -(-Image.open(io.BytesIO(png)).height // cell)))
