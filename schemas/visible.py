r"""Text from data as a terminal may show it: what a terminal obeys or hides is written as an escape such as `\x1b`.

Names of files, texts, licences and messages of libraries may hold sequences that move the cursor, set the title of the
window, hide a part of a line or reverse it (https://trojansource.codes). Everything that a command prints goes through
`visible`: lines by `print_line`, tables and progress bars by `console.VisibleConsole`, messages by `Refusal`.
"""

import io
import logging
import os
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TextIO

from .secrets import shown

# Cc, Cs, Zl, Zp, the format characters of Cf that have no glyph, and Default_Ignorable_Code_Point
# (https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt) without the joiners and the two variation
# selectors of the second line below, which shape letters and emoji.
_JOINERS, _SELECTORS = "\u200c\u200d", "\ufe0e\ufe0f"
_HIDDEN = (
    r"\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_LETTER = rf"[^\x00-\x7f{_HIDDEN}{_JOINERS}]"
_ESCAPED = re.compile(
    rf"[{_HIDDEN}]|(?<!{_LETTER})[{_JOINERS}]|[{_JOINERS}](?!{_LETTER})|(?<![^\s{_HIDDEN}{_JOINERS}{_SELECTORS}])"
    rf"[{_SELECTORS}]"
)
_LAYOUT = "\n\t"


def visible(text: str, *, lines: bool = False) -> str:
    r"""Replace each character that a terminal obeys or hides by its escape, and each lone surrogate.

    Args:
        text: Any text.
        lines: Keep line breaks and tabs, for a text of several lines such as a traceback.

    Returns:
        The text, with `\x1b` for an escape character, `\u202e` for a right-to-left override, `\n` for a line break.
    """

    def escaped(match: re.Match[str]) -> str:
        found = match[0]
        return found if lines and found in _LAYOUT else found.encode("unicode_escape", "surrogatepass").decode()

    return _ESCAPED.sub(escaped, text)


def print_line(text: str, *, err: bool = False, lines: bool = False) -> None:
    """Print a line, made visible, to standard output or (`err`) standard error.

    A line about a text that a URL may be in, other than one of the data, passes `secrets.shown` before.
    """
    print(visible(text, lines=lines), file=sys.stderr if err else sys.stdout, flush=True)


def guard_output() -> None:
    """Have this process print no character that its terminal obeys, hides or lacks.

    What a stream lacks in its encoding is written as an escape. What is written to a standard error that is full, or a
    terminal that is gone, is lost, and ends no work. Warnings, log lines and tracebacks, which libraries and Python
    itself print, are made visible, and lose the secrets of URLs.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as by `>&-`; else the next file that is opened would get its number
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 it stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = GuardedStream(sys.stdout, fails=True)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = GuardedStream(sys.stderr, fails=False)
    warnings.showwarning = _show_warning
    guard_logs()
    sys.excepthook = _show_traceback
    threading.excepthook = _show_traceback_of_thread
    sys.unraisablehook = _show_unraisable


class GuardedStream:
    """A stream that remembers why it could not be written to.

    Args:
        stream: The stream.
        fails: Whether an error is raised; else what is written is lost, since what a run says of its progress must not
            end it.
    """

    def __init__(self, stream: TextIO, fails: bool) -> None:
        self._stream, self._fails = stream, fails
        self.problem: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text."""
        with self._guarded():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write what waits to be written."""
        with self._guarded():
            self._stream.flush()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.problem = error
            if self._fails:
                raise


def guard_logs() -> None:
    """Have the log lines of this process made visible, without the secrets of URLs."""
    logging.setLogRecordFactory(VisibleRecord)


class VisibleRecord(logging.LogRecord):
    """A log line whose message and traceback are made visible."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if self.exc_info and self.exc_info[1] is not None:
            self.exc_text = _traceback(self.exc_info[1])  # a formatter uses it as it is

    def getMessage(self) -> str:  # noqa: N802 the name that logging gives it
        """The message with its arguments."""
        return visible(shown(super().getMessage()), lines=True)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    text = visible(shown(warnings.formatwarning(message, category, filename, lineno, line)), lines=True)
    print(text, end="", file=file or sys.stderr)


def _show_traceback(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    print_line(_traceback(error), err=True, lines=True)


def _show_traceback_of_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        name = args.thread.name if args.thread else "unknown"
        print_line(f"Exception in thread {name}:\n{_traceback(args.exc_value)}", err=True, lines=True)


def _show_unraisable(unraisable: Any) -> None:
    if unraisable.exc_value is not None:
        what = unraisable.err_msg or "Exception ignored in"
        print_line(f"{what}: {unraisable.object!r}\n{_traceback(unraisable.exc_value)}", err=True, lines=True)


def _traceback(error: BaseException) -> str:
    return visible(shown("".join(traceback.format_exception(error)).rstrip("\n")), lines=True)
