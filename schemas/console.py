"""Tables, lines and progress bars of commands: a rich console for which no text is markup."""

from typing import Any

from rich.console import Console
from rich.text import Text

from .visible import visible


class VisibleConsole(Console):
    """A console that prints every string as it is: no markup, no emoji, nothing that the terminal obeys or hides.

    Strings that rich renders (cells, titles, lines, statuses) pass through `render_str`. Only a `Text` does not: `text`
    makes one.
    """

    def __init__(self, *, stderr: bool = False, quiet: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, quiet=quiet, width=width, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Convert a string to styled text; only style, alignment and overflow of the options apply."""
        kept = {key: options[key] for key in ("style", "justify", "overflow") if key in options}
        return super().render_str(visible(text), **kept, markup=False, emoji=False, highlight=False)


def console(stderr: bool = False, quiet: bool = False) -> VisibleConsole:
    """A console that does not squeeze tables when its output goes to a file or a pipe."""
    plain = VisibleConsole(stderr=stderr, quiet=quiet)
    return plain if plain.is_terminal else VisibleConsole(stderr=stderr, quiet=quiet, width=140)


def text(string: str, style: str = "") -> Text:
    """A string with a style, for places where rich takes a `Text` or reads a string as markup."""
    return Text(visible(string), style=style)


def spinner(screen: Console) -> str:
    """Name of the spinner whose frames the console's encoding has."""
    return "dots" if screen.encoding.startswith("utf") else "line"
