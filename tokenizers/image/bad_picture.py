"""The error of an image file that cannot be used, with the reason that the ledger names."""


class BadPicture(ValueError):
    """A file without a usable image; `reason` is image_undecodable, image_empty or image_too_large."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
