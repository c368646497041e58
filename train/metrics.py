"""What a run says of itself while it goes: a line of JSON a logged step, TensorBoard where it is installed.

Figures are of all steps since the last line. `nelbo` is the unweighted bound in bits per token and modality, whatever
the loss weights; `rates` is the same in bits per byte of text, per pixel and per second of sound. Validations add the
number of `targets` and `ce_by_ratio`, the cross-entropy by how much of a segment was masked.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..model.diffusion.loss_sums import LossSums
from ..schemas.vocabulary import Modality

FILE = "metrics.jsonl"
# Dense bfloat16 operations a second by the makers' data sheets, without sparsity.
PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "B200": 2250e12}


class Metrics:
    """Writes the lines of a run; made by the first process alone."""

    def __init__(self, folder: Path, step: int) -> None:
        """Lines after `step` are of steps that a kill undid: they are made again, so they go."""
        self._path = folder / FILE
        kept = [line for line in self._lines() if line["step"] <= step]
        new = self._path.with_suffix(".new")
        new.write_text("".join(f"{json.dumps(line)}\n" for line in kept))
        new.replace(self._path)
        self._board = _board(folder / "tensorboard", step)

    def write(self, line: Mapping[str, Any]) -> None:
        """Append a line, for others to read at once."""
        with self._path.open("a") as file:
            file.write(f"{json.dumps(line)}\n")
        if self._board is not None:
            group = line.get("split", "train")
            for name, value in _flatten(line).items():
                self._board.add_scalar(f"{group}/{name}", value, line["step"])

    def close(self) -> None:
        """Write out what is buffered."""
        if self._board is not None:
            self._board.close()

    def _lines(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        lines = self._path.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]  # a kill may have cut the last one


def loss_metrics(sums: LossSums, sample_rate: int | None) -> dict[str, Any]:
    """A tally as it is logged: bits per token with standard errors, and bits per byte, pixel and second."""
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
    """Tokens to be predicted, by modality."""
    return {modality.name.lower(): int(sums.sums_FTM[1, :, modality].sum()) for modality in sums.bits_per_token()}


class Throughput:
    """Tokens and operations a second since it was last read."""

    def __init__(self, processes: int, device: torch.device) -> None:
        self._processes = processes
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
        self._peak = next((peak for part, peak in PEAK.items() if part in name), None)
        self.restart()

    def restart(self) -> None:
        """Count from now on; time for validation is not training's."""
        self._start, self._tokens, self._flops = time.perf_counter(), 0, 0.0

    def count(self, tokens: int, flops: float) -> None:
        """A step is done."""
        self._tokens += tokens
        self._flops += flops

    def read(self) -> dict[str, float]:
        """Rates, with the share of the device's peak where that is known."""
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


def _board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
