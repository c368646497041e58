"""What the documents say is what the code does: examples, keys, defaults, reasons, links."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard, get_args

import click
import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel

from triptych.cli.main import cli
from triptych.cli.sample_audit import audit
from triptych.cli.sample_sweep import sweep
from triptych.schemas.config import dedup, run, sources, tokenizers
from triptych.schemas.config.filters.base import Filter
from triptych.schemas.config.filters.union import AnyFilter
from triptych.schemas.config.load import load_run
from triptych.schemas.vocabulary import Special

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
RUN_FILE = ROOT / "docs" / "reference" / "run-file.md"
FILTERS = ROOT / "docs" / "reference" / "filters.md"
# What a fragment of a run file is a fragment of.
REST: dict[str, Any] = {
    "name": "example",
    "out": "out/example",
    "sources": [{"name": "docs", "kind": "jsonl", "path": "docs.jsonl", "modality": "text", "text": "text"}],
}
TABLES = {
    "The run": run.RunConfig,
    "Sources": sources.JsonlSource,
    "files": sources.FilesSource,
    "folder": sources.FolderSource,
    "datasets": sources.DatasetsSource,
    "Filters": Filter,
    **{get_args(model.model_fields["name"].annotation)[0]: model for model in get_args(get_args(AnyFilter)[0])},
    "Dedup": dedup.Dedup,
    "dedup: text": dedup.TextDedup,
    "near: text": dedup.NearText,
    "dedup: image": dedup.ImageDedup,
    "near: image": dedup.NearImage,
    "semantic: image": dedup.SemanticImage,
    "dedup: audio": dedup.AudioDedup,
    "text: sentencepiece": tokenizers.SentencePieceConfig,
    "text: huggingface": tokenizers.HuggingFaceTextConfig,
    "text: tiktoken": tokenizers.TiktokenConfig,
    "image: vq": tokenizers.VqConfig,
    "image: transformers": tokenizers.TransformersImageConfig,
    "audio: rvq": tokenizers.RvqConfig,
    "audio: transformers": tokenizers.TransformersAudioConfig,
    "dask": run.DaskEngine,
    "beam": run.BeamEngine,
    "Pack": run.Pack,
    "Limits": run.Limits,
}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def fenced(language: str) -> list[Any]:
    found = [(page, block) for page in PAGES for block in blocks(page, language)]
    return [pytest.param(block, id=f"{page.name}-{number}") for number, (page, block) in enumerate(found)]


def tables() -> dict[str, list[list[str]]]:
    """Rows of the key tables of run-file.md and filters.md by heading."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for line in (RUN_FILE.read_text() + FILTERS.read_text()).splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("| `"):
            found.setdefault(heading, []).append([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))])
    return found


@pytest.mark.parametrize("block", fenced("yaml"))
def test_run_files_are_valid(block: str, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(REST | yaml.safe_load(block)))
    load_run(file)


@pytest.mark.parametrize("block", fenced("python"))
def test_python_is_python(block: str) -> None:
    compile(block, "example", "exec")


def test_arithmetic_of_the_vocabulary() -> None:
    (block,) = blocks(ROOT / "docs" / "reference" / "dataset-format.md", "python")
    exec(block, {})  # it asserts


def test_every_key_has_its_line_and_its_default() -> None:
    found = tables()
    assert set(found) == set(TABLES)
    for heading, model in TABLES.items():
        for key, default, meaning in found[heading]:
            field = keys_of(model)[key.strip("`")]
            wanted = described(field)
            assert default == wanted, f"{heading}: {key} has the default {wanted!r}, not {default!r}"
            assert meaning


def keys_of(model: type[BaseModel]) -> dict[str, Any]:
    """The fields of a model by their keys in the run file, which may be words of Python."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def described(field: Any) -> str:
    if field.is_required():
        return ""
    if field.default_factory_takes_validated_data:
        return "*by the columns*"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "*none*"
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True)
        return "`{" + ", ".join(f"{key}: {part}" for key, part in value.items()) + "}`"
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def test_no_key_is_left_out() -> None:
    found = tables()
    common = {row[0].strip("`") for heading in ("Sources", "Filters") for row in found[heading]} | {"kind"}
    for heading, model in TABLES.items():
        said = {row[0].strip("`") for row in found[heading]} | common
        assert set(keys_of(model)) <= said, heading
    pages = RUN_FILE.read_text() + FILTERS.read_text()
    for kind in re.findall(r'"const": "([a-z_]+)"', json.dumps(run.RunConfig.model_json_schema())):
        assert re.search(rf"^### (\w+: )?{kind}$", pages, re.MULTILINE), kind


def commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group with its full name. `sample sweep` and `sample audit` stand beside `sample RUN`."""
    context = click.Context(group)
    for each in group.list_commands(context):
        command = group.get_command(context, each)
        assert command is not None
        full = f"{name} {each}"
        yield from commands(command, full) if isinstance(command, click.Group) else [(full, command)]
    if group is cli:
        yield "triptych sample sweep", sweep
        yield "triptych sample audit", audit


def test_every_command_and_option_is_listed() -> None:
    page = (ROOT / "docs" / "reference" / "commands.md").read_text()
    sections = {part.partition("\n")[0]: part for part in page.split("\n## ")[1:] if part.startswith("triptych ")}
    known = dict(commands(cli, "triptych"))
    assert set(sections) == set(known)
    for name, command in known.items():
        listed = set(re.findall(r"^\| `(--[\w-]+)", sections[name], re.MULTILINE))
        assert listed == {option for each in command.params if isinstance(each, click.Option) for option in each.opts}
        assert f"(#{name.replace(' ', '-')})" in page


@pytest.mark.parametrize("file", ["run", "train", "mix"])
def test_the_schema_file_is_what_the_command_prints(file: str) -> None:
    printed = CliRunner().invoke(cli, ["schema", file]).output
    assert (ROOT / "docs" / "reference" / f"{file}.schema.json").read_text() == printed, "run: make schema"


ERRORS = ("BadRow", "BadClip", "BadPicture")
DROPS = ("Drop", "LateDrop", "UnevenRow")


def reasons(folder: str) -> Iterator[str]:
    """Every reason for a drop that is given where a row is dropped or complained about."""
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = getattr(node, "func", None)
            if isinstance(node, ast.Call) and isinstance(named, ast.Name):
                at = {**dict.fromkeys(ERRORS, 0), **dict.fromkeys(DROPS, 1), "_mark": 2}.get(named.id)
                if at is not None and len(node.args) > at:
                    yield from (str(part.value) for part in ast.walk(node.args[at]) if is_reason(part))


def is_reason(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and bool(re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", str(node.value)))


def test_every_reason_for_a_drop_is_listed() -> None:
    page = (ROOT / "docs" / "reference" / "dataset-format.md").read_text()
    rows = [
        line.split("|")
        for line in page.splitlines()
        if re.match(r"\| (read|normalise|audio|pack|dedup|decontaminate|takedown)\b", line)
    ]
    listed = {reason for row in rows for reason in re.findall(r"`(\w+)`", row[2])}
    # given by way of a variable
    others = {"text_missing", "image_missing", "audio_missing", "text_empty", "pair_too_long", "takedown"}
    others |= {"exact_duplicate", "near_duplicate", "in_evaluation_set"}
    others |= {"encoding_invalid", "file_truncated", "format_unsupported"}
    used = {*reasons("pipelines"), *reasons("tokenizers"), *others}
    assert {"row_too_large", "csv_invalid", "audio_not_finite"} <= used
    assert listed == used


def test_the_specials_are_listed() -> None:
    page = (ROOT / "docs" / "reference" / "dataset-format.md").read_text()
    listed = re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.MULTILINE)
    assert [(int(number), name) for number, name in listed] == [(special.value, special.name) for special in Special]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        other = (page.parent / path) if path else page
        assert other.exists(), target
        if not anchor:
            continue
        headings = re.findall(r"^#+ (.*)$", other.read_text(), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}


def leaves(tree: Any) -> Iterator[str]:
    """The pages of the site's navigation."""
    for part in tree.values() if isinstance(tree, dict) else tree:
        yield from [part] if isinstance(part, str) else leaves(part)


def test_the_site_has_every_page() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert sorted(leaves(site["nav"])) == sorted(pages)


# Absolute paths into somebody's machine, and package indexes other than the public one.
PRIVATE = re.compile(
    r"(?<![\w.}/-])/(home|root|Users|work|workspace|mnt|srv|scratch)/\w|(?<!\w)C:\\Users"
    r"|(?<!emit-)index[-_]url|https?://[\w.-]*(mirror|registry|proxy|artifact|nexus)[\w.-]*|//[\w.-]+\.(internal|corp|lan|local)\b"
)


def test_no_file_names_a_machine_or_a_private_index() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        path = ROOT / name
        if name == str(Path(__file__).relative_to(ROOT)) or not path.is_file():
            continue
        found = PRIVATE.search(path.read_bytes().decode(errors="replace"))
        assert not found, f"{name}: {found[0]!r}"


# References that lead nowhere in this repository: numbered notes and tickets.
NOWHERE = re.compile(r"\(P\d{1,2}\)|\bpaper notes\b|\b[Ii]ssue [\"“#]?\d", re.IGNORECASE)


def test_no_file_refers_to_what_a_reader_cannot_open() -> None:
    listed = subprocess.run(["git", "ls-files", "*.py", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path != Path(__file__) and path.is_file():
            found = NOWHERE.search(path.read_text(encoding="utf-8"))
            assert not found, f"{name}: {found[0]!r}"


@pytest.mark.parametrize(
    "bad", ["cd /home/ann/x", "--extra-index-url x", "https://pypi.mirror.example/simple", "http://box.lan:80/"]
)
def test_the_pattern_sees_them(bad: str) -> None:
    assert PRIVATE.search(bad)


def test_the_pattern_lets_the_rest_be() -> None:
    assert not PRIVATE.search(f"out/_work/read https://arxiv.org/abs/1 {Path(sys.executable).name} ../home/x")
