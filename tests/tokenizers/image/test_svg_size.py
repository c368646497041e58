"""Shapes of an SVG, those that `use` draws again included."""

import pytest

from triptych.tokenizers.image.bad_picture import BadPicture
from triptych.tokenizers.image.svg_size import MOST, drawn_shapes
from triptych.tokenizers.image.vector import Vector


def drawing(levels: int) -> bytes:
    uses = "".join(f'<g id="g{n}">' + f'<use href="#g{n - 1}"/>' * 10 + "</g>" for n in range(1, levels + 1))
    shape = '<g id="g0"><rect width="1" height="1"/></g>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">{shape}{uses}</svg>'.encode()


def test_shapes_are_counted_for_each_reference() -> None:
    assert drawn_shapes(drawing(0)) == 3
    assert drawn_shapes(drawing(1)) == 3 + 1 + 10 * 3
    assert drawn_shapes(drawing(30)) == MOST


def test_a_cycle_ends() -> None:
    assert drawn_shapes(b'<svg><g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g></svg>') < 20


def test_a_drawing_of_billions_of_shapes_is_not_rendered() -> None:
    Vector(drawing(2))
    with pytest.raises(BadPicture, match="draws more than"):
        Vector(drawing(11))
