"""The device in words, its peak, and the time that it takes for something."""

import os
import platform
import subprocess
import time
from collections.abc import Callable
from typing import Any

import torch

from triptych.train.metrics import PEAK


def device() -> torch.device:
    """The first GPU, or the CPU where there is none."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def facts() -> dict[str, Any]:
    """Device, memory, versions of torch, CUDA, the driver and Python, and the number of cores."""
    found = {"device": "CPU", "torch": torch.__version__, "CUDA": torch.version.cuda or "none", "driver": _driver()}
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        found |= {"device": properties.name, "GiB": f"{properties.total_memory / 2**30:.0f}"}
    return found | {"Python": platform.python_version(), "cores": str(os.cpu_count())}


def peak(given: float | None) -> float | None:
    """Dense bfloat16 operations per second of the device: those given (in 10^12), or those of its data sheet."""
    if given is not None:
        return given * 1e12
    return next((value for name, value in PEAK.items() if name in str(facts()["device"])), None)


def wait() -> None:
    """Wait until the device has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def seconds(action: Callable[[], object]) -> float:
    """Time from an idle device until it has done something."""
    wait()
    start = time.perf_counter()
    action()
    wait()
    return time.perf_counter() - start


def peak_gibibytes() -> float | None:
    """The most memory that tensors took on the GPU since the last call; None without one."""
    if not torch.cuda.is_available():
        return None
    most = torch.cuda.max_memory_allocated() / 2**30
    torch.cuda.reset_peak_memory_stats()
    return most


def _driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return "none"
    return told.splitlines()[0].strip() if told.strip() else "none"
