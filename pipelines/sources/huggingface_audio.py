"""An Audio feature without torchcodec, which `datasets` (and so ffmpeg) needs even to list a folder of clips."""

from typing import Any

import datasets


class ListedAudio(datasets.Audio):  # type: ignore[misc]
    """The Audio feature, except that a clip given by its path is stored without an encoder."""

    def encode_example(self, value: Any) -> dict[str, Any]:
        """Return a {bytes, path} struct."""
        if isinstance(value, str):
            return {"bytes": None, "path": value}
        return dict(super().encode_example(value))
