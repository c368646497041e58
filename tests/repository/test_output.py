"""Commands print through `schemas/visible.py` and `schemas/console.py` alone, so that no text from data is obeyed."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MEANS = {"schemas/visible.py", "schemas/console.py"}
PIXELS = {"cli/terminal_picture.py"}  # draws block characters and base64, no text
CONSTANT = {"train/scaling/budget.py"}  # prints figures of its own


def calls(path: Path) -> Iterator[str]:
    """The calls of a module as written, without their arguments, except those of `click.echo`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            yield ast.unparse(node) if name == "click.echo" else name


def test_nothing_prints_past_the_two_ways_to_print() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), call)
        for folder in ("cli", "schemas", "pipelines", "tokenizers", "model", "train")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for call in calls(path)
        if call in {"print", "Console", "Text", "Text.from_markup", "escape", "sys.stdout.write", "sys.stderr.write"}
        or (call.startswith("click.echo(") and not call.startswith("click.echo(json.dumps("))
        or (call == "click.secho")
    }
    pages = {"train/evaluate/report"}  # HTML
    allowed = MEANS | PIXELS | CONSTANT
    others = {(path, call) for path, call in found if path not in allowed and str(Path(path).parent) not in pages}
    assert others == set()
