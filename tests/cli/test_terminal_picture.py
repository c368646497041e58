"""Images in a terminal: the protocol that is chosen, and half blocks in the colours of the pixels."""

import base64
import io
import re
from typing import Any

import pytest
from PIL import Image

from triptych.cli.terminal_picture import half_blocks, iterm, kitty, print_picture, protocol
from triptych.schemas.console import VisibleConsole


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm"),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, None),
        ({}, None),
    ],
)
def test_the_protocol_is_told_by_the_environment(environment: dict[str, str], wanted: str | None) -> None:
    assert protocol(environment) == wanted


def png(width: int, height: int) -> bytes:
    """Red above, blue below."""
    image = Image.new("RGB", (width, height), (255, 0, 0))
    image.paste((0, 0, 255), (0, height // 2, width, height))
    sink = io.BytesIO()
    image.save(sink, format="PNG")
    return sink.getvalue()


def test_half_blocks_have_the_colours_of_the_pixels() -> None:
    (line,) = half_blocks(png(3, 2), 40)
    assert line.plain == "▀▀▀"
    style: Any = line.spans[0].style
    assert (style.color.triplet, style.bgcolor.triplet) == ((255, 0, 0), (0, 0, 255))


@pytest.mark.parametrize(("width", "height"), [(300, 200), (20, 900), (900, 10), (1, 1), (7, 5)])
def test_an_image_fits_the_screen(width: int, height: int) -> None:
    lines = half_blocks(png(width, height), 40)
    assert 1 <= len(lines) <= 24
    assert len({len(line.plain) for line in lines}) == 1
    assert 1 <= len(lines[0].plain) <= 40


def test_pixels_are_sent_whole() -> None:
    noise = Image.effect_noise((64, 64), 100)
    sink = io.BytesIO()
    noise.save(sink, format="PNG")
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", kitty(sink.getvalue()))
    assert len(pieces) > 1
    assert base64.b64decode("".join(data for _, data in pieces)) == sink.getvalue()
    assert [keys.rpartition(",")[2] for keys, _ in pieces] == ["m=1"] * (len(pieces) - 1) + ["m=0"]
    assert base64.b64decode(iterm(sink.getvalue()).partition(":")[2].rstrip("\x07")) == sink.getvalue()


def test_nothing_is_drawn_into_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    print_picture(png(4, 4), VisibleConsole(width=80))
    assert capsys.readouterr().out == ""
