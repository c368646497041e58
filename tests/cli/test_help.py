"""Every help page: 80 columns, whole sentences, and one example that can be parsed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from triptych.cli.main import SECTIONS, cli
from triptych.cli.sample_audit import audit
from triptych.cli.sample_sweep import sweep


def pages() -> Iterator[tuple[str, click.Command]]:
    """Every command and group below `triptych`, by name."""
    for name in cli.list_commands(click.Context(cli)):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {each}", below) for each, below in command.commands.items())
    yield "sample sweep", sweep
    yield "sample audit", audit


PAGES = dict(pages())


def help_of(name: str) -> str:
    context: click.Context | None = None
    for part in f"triptych {name}".split():
        context = click.Context(cli, parent=context, info_name=part, terminal_width=80, max_content_width=80)
    assert context is not None
    context.command = PAGES[name]
    return PAGES[name].get_help(context)


@pytest.mark.parametrize("name", PAGES)
def test_help_fits_80_columns_and_is_not_cut(name: str) -> None:
    page = help_of(name)
    assert max(map(len, page.splitlines())) <= 80
    assert not re.search(r"\w\.\.\.$", page, re.MULTILINE)
    command = PAGES[name]
    assert command.get_short_help_str(200).endswith(".")
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help is not None
            assert option.help.endswith("."), option.help


@pytest.mark.parametrize("name", PAGES)
def test_every_page_has_one_example(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ids.txt").touch()  # opened while the arguments are parsed
    (line,) = re.findall(r"\n  Example:\n    (.*)\Z", help_of(name))
    program, *arguments = shlex.split(line.partition(" > ")[0])
    assert program == "triptych"
    assert arguments[: len(name.split())] == name.split()
    context = cli.make_context("triptych", arguments)
    command: click.Command = cli
    while isinstance(command, click.Group):
        assert command.get_command(context, arguments[0]) is not None
        command = command.get_command(context, arguments.pop(0)) or command
    command.make_context(name, arguments)  # raises UsageError for an unknown option


def test_the_list_of_commands_fits_one_line_each() -> None:
    for section in SECTIONS.values():
        for entry in section.values():
            assert len(entry.summary) <= 78 - len("  tokenizer  ")
            assert entry.summary.endswith(".")


def test_the_help_of_sample_shows_its_options_and_its_other_commands() -> None:
    page = help_of("sample")
    for words in (
        "triptych sample [OPTIONS] RUN",
        "triptych sample sweep [OPTIONS] RUN",
        "triptych sample audit [OPTIONS]",
        "--task",
        "--prompt",
        "--out",
    ):
        assert words in page
    parsed = PAGES["sample"].make_context("sample", ["sweep", "run", "--n", "2"])
    assert parsed.command is sweep
    assert parsed.params["n"] == 2
    assert PAGES["sample"].make_context("sample", ["audit", "--n", "2"]).command is audit
    parsed = PAGES["sample"].make_context("sample", ["--task", "t2i", "--out", "made", "run"])
    assert parsed.params["run"] == "run"
