"""The house rules of the folders: who may import whom, and what must not be loaded when."""

import ast
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Each folder, and the folders of ours that its modules may import beside itself.
ALLOWED = {
    "schemas": set(),
    "tokenizers": {"schemas"},
    "pipelines": {"schemas", "tokenizers"},
    "model": {"schemas"},
    "train": {"schemas", "model", "tokenizers"},
    "cli": {"schemas", "tokenizers", "pipelines", "model", "train"},
}
# The same within `model`.
MODEL = {"network": set(), "diffusion": {"network"}, "sampling": {"network", "diffusion"}}
FACE = {"__init__", "dataset", "rows", "generator"}  # files of triptych/ itself, above all but the command line
FOLDERS = [name for name in ALLOWED if any((ROOT / name).rglob("*.py"))]
HEAVY = {
    *("bokeh", "dask", "datasets", "diffusers", "distributed", "fsspec", "numpy", "PIL", "pyarrow", "pydantic", "rich"),
    *("sentencepiece", "soundfile", "tiktoken", "tokenizers", "torch", "torchaudio", "transformers", "yaml"),
}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(source: str, package: tuple[str, ...]) -> Iterator[str]:
    """Dotted names that a module of `package` imports anywhere in it, relative ones made absolute."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            stem = ".".join([*base, *filter(None, [node.module])])
            yield stem
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def upward(source: str, package: tuple[str, ...]) -> list[str]:
    """The imports of ours that a module of `package` may not have."""
    mine = package[1]
    ours = {name.split(".")[1] for name in imported(source, package) if name.startswith("triptych.")}
    return sorted(ours - {mine} - ALLOWED[mine])


def run(*arguments: str, cwd: Path = ROOT) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from ..cli.main import main", ["cli"]),
        ("from .. import pipelines", ["pipelines"]),
        ("import triptych.train.loop", ["train"]),
        ("def late():\n    from ..pipelines.read import read", ["pipelines"]),
        ("from .text import report\nfrom ..schemas.run import RunConfig\nimport tokenizers", []),
    ],
)
def test_the_rule_sees_every_form_of_import(source: str, found: list[str]) -> None:
    assert upward(source, ("triptych", "tokenizers")) == found


@pytest.mark.parametrize("folder", FOLDERS)
def test_imports_run_only_downward(folder: str) -> None:
    for path in modules(folder):
        package = ("triptych", *path.relative_to(ROOT).parts[:-1])
        assert not upward(path.read_text(), package), path


def test_every_folder_with_code_has_its_place() -> None:
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    tops = {Path(line).parts[0] for line in tracked.stdout.splitlines()}
    assert tops <= {*ALLOWED, "triptych", "tests", "benchmarks"}


@pytest.mark.parametrize("folder", MODEL)
def test_imports_run_only_downward_within_model(folder: str) -> None:
    for path in modules(f"model/{folder}"):
        names = imported(path.read_text(), ("triptych", *path.relative_to(ROOT).parts[:-1]))
        ours = {name.split(".")[2] for name in names if re.match(r"triptych\.model\.\w", name)}
        assert ours & MODEL.keys() <= {folder, *MODEL[folder]}, path


def test_nothing_imports_the_public_face() -> None:
    for folder in ALLOWED:
        for path in modules(folder):
            names = imported(path.read_text(), ("triptych", *path.relative_to(ROOT).parts[:-1]))
            below = {name.split(".")[1] for name in names if name.startswith("triptych.")}
            assert not below & FACE, path


def test_the_package_holds_the_folders_as_links_and_the_face_as_files() -> None:
    package = ROOT / "triptych"
    links = {path.name: path.readlink() for path in package.iterdir() if path.is_symlink()}
    assert links == {name: Path("..") / name for name in ALLOWED}
    assert {path.stem for path in package.glob("*.py")} == FACE


def test_top_folders_are_no_packages_of_their_own() -> None:
    # with an __init__.py, tokenizers/ would shadow Hugging Face's wherever Python starts in the root
    assert not [name for name in ALLOWED if (ROOT / name / "__init__.py").exists()]


def test_the_face_is_cheap_to_import() -> None:
    code = "import sys, triptych; assert triptych.__version__; print(*sys.modules)"
    assert not HEAVY & set(run("-c", code).split())

    def cost() -> float:
        timed = "import time; t = time.process_time(); import triptych; print(time.process_time() - t)"
        return float(run("-c", timed))

    assert min(cost() for _ in range(5)) < 0.05


@pytest.mark.parametrize("command", [("ruff", "check", "--show-files", "."), ("pytest", "--collect-only", "-q")])
def test_tools_that_follow_links_see_no_file_twice(command: tuple[str, ...]) -> None:
    here = ("tests/repository",) if command[0] == "pytest" else ()
    listed = run("-m", *command, *here)
    assert "triptych/schemas" not in listed
    assert "schemas/errors.py" in listed or command[0] == "pytest"


@pytest.mark.parametrize("start", [("-c",), ("-m", "timeit", "-n1", "-r1")], ids=["-c", "-m"])
def test_python_in_the_root_finds_hugging_face_tokenizers(start: tuple[str, ...]) -> None:
    code = "import sys, tokenizers; tokenizers.Tokenizer; sys.stdout.write(tokenizers.__file__ + chr(10))"
    place = Path(run(*start, code).splitlines()[0])
    assert not place.is_relative_to(ROOT / "tokenizers")
    assert "site-packages" in place.parts


def test_contracts_and_pipelines_do_without_torch() -> None:
    names = [
        ".".join(["triptych", *path.relative_to(ROOT).with_suffix("").parts])
        for folder in ("schemas", "pipelines")
        for path in modules(folder)
        if path.name != "huggingface_audio.py"  # a subclass of a class of `datasets`, itself imported late
    ]
    assert "triptych.pipelines.prepare" in names
    code = f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\nprint(*sys.modules)"
    loaded = set(run("-c", code).split())
    assert "triptych.pipelines.prepare" in loaded
    assert not {"torch", "torchaudio", "diffusers", "transformers", "datasets"} & loaded


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom triptych.cli.main import cli\ncli(['--help'], standalone_mode=False)\n"
        "print('MODULES', *sys.modules)"
    )
    text, _, loaded = run("-c", code).partition("MODULES")
    assert "prepare" in text
    assert not HEAVY & set(loaded.split())


def test_help_answers_in_under_three_tenths_of_a_second() -> None:
    # in processor time, which a busy machine does not stretch
    def cost() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(str(Path(sys.executable).with_name("triptych")), "--help", cwd=Path(os.sep))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cost() for _ in range(5)) < 0.3


def test_tests_write_nothing_into_the_tree() -> None:
    from hypothesis.configuration import storage_directory

    assert not Path(storage_directory("unicode_data").path).is_relative_to(ROOT)
