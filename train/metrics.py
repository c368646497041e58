"""Training metrics: one line of JSON per logged step, also for services such as TensorBoard.

Figures cover all steps since the previous line. `nelbo` is the unweighted bound in bits per token by modality, whatever
the loss weights; `rates` is the same in bits per byte of text, per pixel and per second of audio. Validation lines add
`targets`, the number of predicted tokens, and `ce_by_ratio`, the cross-entropy by mask ratio.
"""

import errno
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..model.diffusion.loss_sums import LossSums
from ..schemas.config.training import TrackerName
from ..schemas.storage.full_disk import refusing_full_disk, suppressed_full_disk
from ..schemas.vocabulary import Modality
from .metrics_file import FILE, read_lines
from .trackers import Trackers

# Dense bfloat16 operations per second, without sparsity, from the vendors' data sheets.
PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "B200": 2250e12}


class Metrics:
    """Writer of a run's metrics; used on rank 0 only."""

    def __init__(self, folder: Path, step: int, log: Sequence[TrackerName] = ()) -> None:
        """Open the metrics of a run that has done `step` steps.

        Lines of later steps come from steps that a kill undid; they are removed, since these steps are done again.

        Args:
            folder: Folder of the run.
            step: Steps done.
            log: Services that get the metrics, too.
        """
        self._path = folder / FILE
        kept = [line for line in read_lines(folder) if line["step"] <= step]
        new = self._path.with_suffix(".new")
        new.write_text("".join(f"{strict_json(line)}\n" for line in kept))
        new.replace(self._path)
        self._waiting = b""  # lines for which the disk had no room
        self._trackers = Trackers(log, folder, step)

    def write(self, line: Mapping[str, Any]) -> None:
        """Append a line and flush it. While the disk is full, lines wait for the next one: a run goes on."""
        self._waiting += f"{strict_json(line)}\n".encode()
        with suppressed_full_disk():
            self._append()
        with suppressed_full_disk():
            self._show(line)

    def close(self) -> None:
        """Write the lines that wait, and close the services."""
        with suppressed_full_disk():
            self._trackers.close()
        if self._waiting:
            with refusing_full_disk(self._path.parent):
                self._append()

    def _append(self) -> None:
        with self._path.open("ab", buffering=0) as file:
            before = file.seek(0, os.SEEK_END)
            written = file.write(self._waiting)
            if written < len(self._waiting):
                file.truncate(before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._waiting = b""

    def _show(self, line: Mapping[str, Any]) -> None:
        group = line.get("split", "train")
        self._trackers.show({f"{group}/{name}": value for name, value in _flatten(line).items()}, line["step"])


def last_step(folder: Path) -> int:
    """The last step that the metrics of a run have a line of; 0 if none."""
    return max((int(line["step"]) for line in read_lines(folder)), default=0)


def strict_json(line: Mapping[str, Any]) -> str:
    """Serialise a line as JSON of RFC 8259, which has no NaN: a figure that is none is null.

    `not_finite` then has the word of each such figure, such as {"grad_norm": "nan"}.
    """
    words = {name: str(value) for name, value in _flatten(line).items() if not math.isfinite(value)}
    return json.dumps(finite(line) | ({"not_finite": words} if words else {}), allow_nan=False)


def finite(value: Any) -> Any:
    """Values for JSON, which has no NaN and no infinity: null in their place."""
    if isinstance(value, Mapping):
        return {name: finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def loss_metrics(sums: LossSums, sample_rate: int | None) -> dict[str, Any]:
    """Logged figures of loss sums.

    Args:
        sums: Sums over the segments of the logged steps.
        sample_rate: Audio samples per second; None if the run has no audio.

    Returns:
        `nelbo` (bits per token by modality), `nelbo_error` (its standard error) and `rates` (bits per byte, pixel,
            second).
    """
    bits, sizes = sums.bits_per_token(), sums.bits_per_size()
    names = {Modality.TEXT: "byte", Modality.IMAGE: "pixel", Modality.AUDIO: "second"}
    rates = {
        modality: value * (sample_rate or 1) if modality is Modality.AUDIO else value
        for modality, value in sizes.items()
    }
    return {
        "nelbo": {modality.name.lower(): figure.mean for modality, figure in bits.items()},
        "nelbo_error": {modality.name.lower(): figure.error for modality, figure in bits.items()},
        "rates": {f"bits_per_{names[modality]}": value for modality, value in rates.items()},
    }


def target_counts(sums: LossSums) -> dict[str, int]:
    """Number of target tokens by modality."""
    return {modality.name.lower(): int(sums.sums_FTM[1, :, modality].sum()) for modality in sums.bits_per_token()}


class Throughput:
    """Tokens and floating-point operations per second since the last reading."""

    def __init__(self, processes: int, device: torch.device) -> None:
        self._processes = processes
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
        self._peak = next((peak for part, peak in PEAK.items() if part in name), None)
        self.restart()

    def restart(self) -> None:
        """Start counting from now, so that validation and saving do not count as training time."""
        self._start, self._tokens, self._flops = time.perf_counter(), 0, 0.0

    def count(self, tokens: int, flops: float) -> None:
        """Count a finished step."""
        self._tokens += tokens
        self._flops += flops

    def read(self) -> dict[str, float]:
        """Rates since the last reading; with `mfu`, the share of the device's peak, where that is known."""
        seconds = max(time.perf_counter() - self._start, 1e-9)
        rates = {"tokens_per_second": self._tokens / seconds, "flops_per_second": self._flops / seconds}
        if self._peak is not None:
            rates["mfu"] = self._flops / seconds / self._processes / self._peak
        self.restart()
        return rates


def _flatten(line: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in line.items():
        if isinstance(value, Mapping):
            found |= _flatten(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and name != "step":
            found[prefix + name] = value
    return found
