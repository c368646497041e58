"""What `pip install` puts on a machine: every module, the command, and nothing under a generic name."""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import triptych

ROOT = Path(__file__).parents[2]
FOLDERS = [name for name in ("schemas", "tokenizers", "pipelines", "model", "train", "cli") if (ROOT / name).is_dir()]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, unpacked; built from a copy, so that no old build folder can lend it a file."""
    work = tmp_path_factory.mktemp("wheel")
    for name in (*FOLDERS, "triptych"):
        hidden = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, work / "source" / name, symlinks=True, ignore=hidden)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, work / "source")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(work), "source"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = work.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(work / "site")
    return work / "site"


def test_every_module_is_in_the_wheel(site: Path) -> None:
    shipped = {path.relative_to(site / "triptych").as_posix() for path in (site / "triptych").rglob("*.py")}
    written = {path.relative_to(ROOT).as_posix() for name in FOLDERS for path in (ROOT / name).rglob("*.py")}
    assert shipped == written | {path.name for path in (ROOT / "triptych").glob("*.py")}
    assert (site / "triptych/py.typed").is_file()


def test_every_page_is_in_the_wheel(site: Path) -> None:
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "cli/pages").rglob("*") if path.is_file()}
    shipped = {path.relative_to(site / "triptych").as_posix() for path in (site / "triptych/cli/pages").rglob("*")}
    assert {name for name in pages if "__pycache__" not in name} <= shipped
    assert len(pages) > 20


def test_nothing_generic_lands_in_site_packages(site: Path) -> None:
    assert [path.name for path in sorted(site.iterdir()) if not path.name.endswith(".dist-info")] == ["triptych"]


def test_licence_and_readme_travel_along(site: Path) -> None:
    (info,) = site.glob("*.dist-info")
    metadata = (info / "METADATA").read_text()
    assert "License-Expression: Apache-2.0" in metadata
    assert "# Triptych" in metadata
    assert (info / "licenses" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_the_command_works_from_the_wheel(site: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from importlib.metadata import distribution; import triptych.cli.main as module\n"
        "(entry,) = distribution('triptych').entry_points.select(name='triptych')\n"
        "print(module.__file__, flush=True); sys.argv = ['triptych', '--version']; entry.load()()"
    )
    environment = {"PYTHONPATH": str(site), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    place, said = done.stdout.splitlines()
    assert Path(place) == site / "triptych" / "cli" / "main.py"
    assert said.endswith(PROJECT["project"]["version"])


SEEN = (
    "import triptych, triptych.schemas.errors as below, triptych.cli.main\n"
    "assert triptych.Refusal is below.Refusal\n"
    "print(triptych.__file__, below.__file__, sorted(triptych.__all__))"
)


def seen(place: Path, *arguments: str, cwd: Path, path: str = "") -> None:
    """Hold that Python, started so, finds the package at `place` with the face that the tree has."""
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(str(place))]
    face, below, names = line.split(" ", 2)
    assert Path(face) == place / "__init__.py"
    assert Path(below) == place / "schemas" / "errors.py"
    assert names == str(sorted(triptych.__all__))


def test_a_wheel_gives_the_package(site: Path, tmp_path: Path) -> None:
    seen(site / "triptych", "-c", SEEN, cwd=tmp_path, path=str(site))


def test_an_editable_install_gives_the_package(tmp_path: Path) -> None:
    seen(ROOT / "triptych", "-c", SEEN, cwd=tmp_path)


def test_a_checkout_on_the_path_gives_the_package(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for name in (*FOLDERS, "triptych"):
        hidden = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, checkout / name, symlinks=True, ignore=hidden)
    seen(checkout / "triptych", "-c", SEEN, cwd=tmp_path, path=str(checkout))


def test_pytest_in_the_root_gives_the_package(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it():\n    " + SEEN.replace("\n", "\n    "))
    arguments = (
        "-m",
        "pytest",
        "-s",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={ROOT}",
        str(tmp_path / "test_it.py"),
    )
    seen(ROOT / "triptych", *arguments, cwd=ROOT)


def test_pip_install_gives_the_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in (*FOLDERS, "triptych"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(tmp_path / "site"))
    command = [sys.executable, "-m", "pip", "install", *options, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    seen(tmp_path / "site" / "triptych", "-c", SEEN, cwd=tmp_path, path=str(tmp_path / "site"))


def test_every_library_that_is_imported_is_required() -> None:
    project = PROJECT["project"]
    lines = project["dependencies"] + [line for extra in project["optional-dependencies"].values() for line in extra]
    required = {canonical(re.match(r"[\w.-]+", line)[0]) for line in lines}  # type: ignore[index]
    owners = importlib.metadata.packages_distributions()
    for name in FOLDERS:
        for path in (ROOT / name).rglob("*.py"):
            for top in absolute_imports(path) - sys.stdlib_module_names - {"triptych"}:
                assert {canonical(owner) for owner in owners.get(top, [top])} & required, f"{path} imports {top}"


def absolute_imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).split(".")[0])
    return found


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
