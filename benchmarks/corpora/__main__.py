"""Real corpora from Debian packages: `python -m benchmarks.corpora make OUT`."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import click

from . import clipart, docs, packages, prompts, stamps

Make = Callable[[Mapping[str, Path], Path, int | None], dict[str, int]]
PARTS: dict[str, ModuleType] = {"stamps": stamps, "prompts": prompts, "docs": docs, "clipart": clipart}


@click.group()
def main() -> None:
    """Real corpora for proofs and measurements."""


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--only", help="Parts to make, separated by commas: " + ",".join(PARTS) + ".")
@click.option("--limit", type=click.IntRange(1), help="At most so many rows a part (docs: a package).")
@click.option("--cache", type=click.Path(path_type=Path), help="Where packages are kept; default OUT/.packages.")
def make(out: Path, only: str | None, limit: int | None, cache: Path | None) -> None:
    """Fetch Debian packages and write their content to OUT in formats that `triptych prepare` reads."""
    names = only.split(",") if only else list(PARTS)
    if unknown := sorted(set(names) - set(PARTS)):
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(PARTS)}", param_hint="--only")
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        report = make_part(PARTS[name], out, limit, (cache or out / ".packages").absolute())
        click.echo(json.dumps({"part": name, **report}))


def make_part(part: ModuleType, out: Path, limit: int | None, cache: Path) -> dict[str, object]:
    """Build a part beside `out` and move it there whole; returns its packages, rows and bytes."""
    roots = packages.unpack(part.PACKAGES, cache)
    partial = out / f".{part.__name__.rpartition('.')[2]}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    rows = part.make(roots, partial, limit)
    outputs = {}
    for made in sorted(partial.iterdir()):
        target = out / made.name
        if target.is_dir():
            shutil.rmtree(target)
        made.replace(target)
        files = sorted(target.rglob("*")) if target.is_dir() else [target]
        size = sum(file.stat().st_size for file in files)
        outputs[made.name] = {"rows": rows[made.name], "files": len(files), "bytes": size}
    partial.rmdir()
    return {"packages": packages.versions(part.PACKAGES, cache), "outputs": outputs}


if __name__ == "__main__":
    main()
