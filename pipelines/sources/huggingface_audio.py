"""Why this exists: `datasets` asks for torchcodec, and so for ffmpeg, when a folder of clips is merely listed."""

from typing import Any

import datasets


class ListedAudio(datasets.Audio):  # type: ignore[misc]
    """The Audio feature, except that a clip given by its path is noted without the means to encode one."""

    def encode_example(self, value: Any) -> dict[str, Any]:
        """A {bytes, path} struct."""
        if isinstance(value, str):
            return {"bytes": None, "path": value}
        return dict(super().encode_example(value))
