"""docs/reference/sampling.md says what the schema says, and what each task takes."""

import re
from pathlib import Path
from typing import Any, get_args

from triptych.model.sampling.defaults import DEFAULTS, defaults
from triptych.schemas.config.model import Task
from triptych.schemas.config.sampling import Rule, SamplingConfig

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "sampling.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, str]:
    """First and second cell of the table under a heading."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| (`.*?) \| (.*?) \|", section, re.MULTILINE))


def test_keys_and_their_defaults() -> None:
    said = {name.strip("`"): default for name, default in rows("A step").items()}

    def shown(value: Any) -> str:
        if value is None:
            return "*none*"
        if isinstance(value, tuple):
            return f"`[{', '.join(f'{x:g}' for x in value)}]`"
        return f"`{str(value).lower()}`"

    assert said == {name: shown(field.default) for name, field in SamplingConfig.model_fields.items()}


def test_rules() -> None:
    assert [name.strip("`") for name in rows("Rules")] == list(get_args(Rule))


def test_defaults_of_tasks() -> None:
    assert set(DEFAULTS) == set(Task)
    told = {Task(task): cell for names, cell in rows("Defaults").items() for task in re.findall(r"\w+", names)}
    for task in Task:
        config, cell = defaults(task), told[task]
        assert cell.startswith(f"`{config.rule}`")
        assert (config.grid == "cosine") == ("`cosine`" in cell)
        assert config.block is None or f"blocks of {config.block}" in cell
        rest = config.model_dump(exclude_unset=True, exclude={"rule", "grid", "block"})
        assert all(f"`{name}` {value:g}" in cell for name, value in rest.items())


def test_text_from_nothing_does_not_go_by_confidence() -> None:
    """P15."""
    assert defaults(Task.TEXT).rule in ("ancestral", "first-hitting", "remdm-cap", "remdm-loop")
