"""Debian packages without root: fetched by apt into a cache folder, unpacked by dpkg beside it."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import click


def unpack(names: Sequence[str], cache: Path) -> dict[str, Path]:
    """Folders holding the unpacked packages, by name; fetches and unpacks what `cache` does not hold yet.

    Raises click.ClickException where apt and dpkg are missing or apt does not know a package.
    """
    cache.mkdir(parents=True, exist_ok=True)
    fetch([name for name in names if not _archives(name, cache)], cache)
    return {name: _unpacked(name, cache) for name in names}


def versions(names: Sequence[str], cache: Path) -> list[str]:
    """File names of the packages in the cache, versions included, sorted."""
    return sorted(_archives(name, cache)[-1].name for name in names)


def fetch(names: Sequence[str], cache: Path) -> None:
    """`apt-get download` into `cache`; what apt says goes into the error, and nothing else to the terminal."""
    if not names:
        return
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise click.ClickException(
                f"{tool} not found. These corpora come from Debian packages; run this on Debian."
            )
    done = subprocess.run(["apt-get", "-q", "download", *names], check=False, cwd=cache, capture_output=True, text=True)
    if done.returncode:
        said = " ".join(line.removeprefix("E: ") for line in done.stderr.splitlines() if line.startswith("E:"))
        raise click.ClickException(f"apt-get download failed: {said} Run `apt-get update` (as root), then try again.")


def _archives(name: str, cache: Path) -> list[Path]:
    return sorted(cache.glob(f"{name}_*.deb"))


def _unpacked(name: str, cache: Path) -> Path:
    archive = _archives(name, cache)[-1]
    folder = cache / archive.stem
    if not folder.exists():
        # dpkg -x killed half-way must not pass for an unpacked package
        partial = cache / f"{archive.stem}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        subprocess.run(["dpkg", "-x", str(archive), str(partial)], check=True)
        partial.rename(folder)
    return folder
