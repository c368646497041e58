"""The error of a clip that cannot be used, with the reason that the ledger names."""

SLACK = 0.1  # seconds by which a clip may be shorter than announced; an encoder's delay and padding


class BadClip(ValueError):
    """A clip that cannot be used; `reason` is one of `REASONS`, `detail` is a message for a person."""

    REASONS = (
        "audio_undecodable",
        "audio_incomplete",
        "audio_empty",
        "audio_too_short",
        "audio_too_long",
        "audio_not_finite",
    )

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def incomplete(announced: float, found: float) -> BadClip:
    """The error of a file that announces more seconds of sound than it holds."""
    return BadClip("audio_incomplete", f"{found:.2f} s of sound, but the file announces {announced:.2f} s")
