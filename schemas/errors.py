"""The one exception that a user is meant to read."""

from typing import Self


class Refusal(Exception):
    """Work that cannot start or go on, said in one paragraph: what, where, and what to do.

    The command line prints the message alone and exits with `exit_code`: 2 for misuse (a bad config, a
    missing file), 1 for a failed check.
    """

    def __init__(self, message: str, *, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Mismatch(Refusal):
    """Two artefacts that may not be mixed; the message names both fingerprints."""

    @classmethod
    def between(cls, what: str, left: tuple[str, str], right: tuple[str, str], fix: str) -> Self:
        """`left` and `right` are (who, its fingerprint)."""
        message = f"{what} differs: {left[0]} has {left[1]}, {right[0]} has {right[1]}. {fix}"
        return cls(message, exit_code=1)
