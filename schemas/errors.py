"""Exceptions whose messages are written for the user."""

import re
from typing import Self

from .secrets import shown, without_secrets
from .visible import visible

LONGEST_WORD = 400  # characters of a name or URL in a message
LONGEST_MESSAGE = 2000

_LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD},}}")


class Refusal(Exception):
    """Work cannot start or continue. The message is one paragraph: what is wrong, where, and what to do.

    Control and hidden characters in it, such as those of a file name, are written as escapes, secrets of URLs are left
    out, and long names are abbreviated.

    The command line prints only the message and exits with `exit_code`: 2 for misuse (an invalid config, a missing
    file), 1 for a failed check.
    """

    def __init__(self, message: str, *, exit_code: int = 2) -> None:
        super().__init__(visible(abbreviated(shown(message))))
        self.exit_code = exit_code


class Mismatch(Refusal):
    """Two artefacts have different fingerprints and cannot be used together; the message names both."""

    @classmethod
    def between(cls, what: str, left: tuple[str, str], right: tuple[str, str], fix: str) -> Self:
        """Build the error; `left` and `right` are (name of the artefact, its fingerprint), `fix` says what to do."""
        message = f"{what} differs: {left[0]} has {left[1]}, {right[0]} has {right[1]}. {fix}"
        return cls(message, exit_code=1)


def abbreviated(text: str) -> str:
    """Return a message in which no word is longer than LONGEST_WORD and which is not longer than LONGEST_MESSAGE."""
    text = _LONG_WORD.sub(lambda word: f"{word[0][:200]}…{word[0][-100:]}", text)
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:1200]} … {text[-600:]}"


def brief(error: object, longest: int = 300) -> str:
    """Return what an error says on one line of at most `longest` characters; secrets are taken out before the cut."""
    return without_secrets(" ".join(str(error).split()))[:longest]
