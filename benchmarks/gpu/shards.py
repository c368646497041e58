"""The data of all other parts: the mix packed, and the same mix with a row for each sample."""

import time

from triptych.schemas.dataset.reader import Dataset

from .mix import write_mix
from .setting import Setting


def measure(setting: Setting) -> None:
    """Write both datasets. A padded row holds a tenth of a packed one, so fewer samples make as many rows."""
    sizes = setting.sizes
    for folder, rows in ((setting.packed, sizes.rows), (setting.padded, max(sizes.rows // 8, 1))):
        begun = time.perf_counter()
        write_mix(folder, rows, sizes.row_length, packed=folder == setting.packed)
        taken = time.perf_counter() - begun
        found = Dataset(str(folder)).manifest.statistics
        setting.record.add(
            f"{folder.name} rows",
            seconds=taken,
            rows=found.rows,
            segments=sum(source.segments for source in found.sources.values()),
            share_filled=found.filled / (found.rows * sizes.row_length),
        )
