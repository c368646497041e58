"""The one exception that a user is meant to read."""


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

    def __init__(self, what: str, left: str, left_value: str, right: str, right_value: str, fix: str) -> None:
        super().__init__(f"{what} differs: {left} has {left_value}, {right} has {right_value}. {fix}", exit_code=1)
