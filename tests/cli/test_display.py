"""What a command prints of data: never markup, never obeyed by the terminal, and never an encoding error."""

import io
import json
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

# markup of rich, an emoji code, CSI, OSC 8 and C1 sequences, a carriage return, bidi, a hidden and a missing character
HOSTILE = "[/red][bold]:smile:\x1b[31m\x1b]8;;http://a/\x07\x9b2J\r\u202e\u2066\u200b\u2028漢…"
NAME = HOSTILE.replace("/", "") + "\udcff\n"  # of a file
MARKUP = "[bold]:smile:"


@dataclass
class Planted:
    """A dataset of hostile rows, and the folder with its files."""

    folder: Path
    out: Path
    document: str
    command: Callable[..., Any]


def rows() -> list[dict[str, Any]]:
    texts = [f"{HOSTILE} a row of text, number {number}, that is long enough" for number in range(12)]
    return [{"text": text, "lic": HOSTILE} for text in [*texts, texts[0], HOSTILE]] + [{HOSTILE: HOSTILE}]


@pytest.fixture
def planted(text_tree: Any, prepared: Any, triptych: Any, tmp_path: Path) -> Planted:
    folder = tmp_path / f"in {NAME}"
    folder.mkdir()
    (folder / f"{NAME}.jsonl").write_text("\n".join([*map(json.dumps, rows()), HOSTILE]), "utf-8", "surrogatepass")
    source = {"name": "docs", "kind": "jsonl", "path": f"{tmp_path}/in*/*.jsonl", "text": "text", "license": "lic"}
    tree = text_tree(
        tmp_path / "out",
        sources=[source],
        dedup={"text": {"exact": True}},
        filters=[{"name": "text_length", "min_words": 4}],
    )
    prepared(tree)
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tree))
    first = json.loads(triptych("show", tmp_path / "out", "--json").out)[0]
    return Planted(tmp_path, tmp_path / "out", first["id"], triptych)


COMMANDS: dict[str, Callable[[Planted], list[Any]]] = {
    "prepare": lambda p: ["prepare", p.folder / "run.yaml"],
    "stats": lambda p: ["stats", p.out],
    "verify": lambda p: ["verify", p.out],
    "show row": lambda p: ["show", p.out],
    "show id": lambda p: ["show", p.out, "--id", p.document],
    "show source": lambda p: ["show", p.out, "--source", "docs"],
    "show sample": lambda p: ["show", p.out, "--sample", 3],
    "show cluster": lambda p: ["show", p.out, "--cluster", 1],
    "show dropped": lambda p: ["show", p.out, "--dropped"],
    "show dropped sample": lambda p: ["show", p.out, "--dropped", "text_missing", "--sample", 1],
    "show json": lambda p: ["show", p.out, "--json"],
    "show dropped json": lambda p: ["show", p.out, "--dropped", "--json"],
    "takedown": lambda p: ["takedown", p.out, "--file", "*", "--dry-run"],
    "takedown license": lambda p: ["takedown", p.out, "--match", f"license={HOSTILE.split('[')[0]}*", "--dry-run"],
    # errors
    "no dataset": lambda p: ["stats", p.folder / NAME],
    "no command": lambda p: [HOSTILE],
    "no option": lambda p: ["stats", p.out, f"--{HOSTILE}"],
    "no choice": lambda p: ["prepare", "run.yaml", "--engine", HOSTILE],
    "no row": lambda p: ["show", p.out, "--row", HOSTILE],
    "no id": lambda p: ["show", p.out, "--id", HOSTILE],
    "no source": lambda p: ["show", p.out, "--source", HOSTILE],
    "no reason": lambda p: ["show", p.out, "--dropped", HOSTILE],
    "no ids": lambda p: ["takedown", p.out, "--ids", p.folder / "ids"],
    "no file of ids": lambda p: ["takedown", p.out, "--ids", p.folder / NAME],
    "no column": lambda p: ["takedown", p.out, "--match", f"{HOSTILE}=*"],
    "no run file": lambda p: ["prepare", p.folder / NAME],
    "no key": lambda p: ["prepare", p.folder / "run.yaml", "--set", f"{HOSTILE}=1"],
    "no value": lambda p: ["prepare", p.folder / "run.yaml", "--set", f"engine={{kind: {json.dumps(HOSTILE)}}}"],
    "no glob": lambda p: ["prepare", p.folder / "run.yaml", "--set", f"sources.docs.path={HOSTILE}*.jsonl"],
    "keys of a file": lambda p: ["prepare", p.folder / "keys.yaml"],
    "no YAML": lambda p: ["prepare", p.folder / "broken.yaml"],
    "mix": lambda p: ["mix", "plan", p.folder / "keys.yaml"],
    "train": lambda p: ["train", p.folder / "keys.yaml"],
    "sample": lambda p: ["sample", p.folder / NAME, "--task", "text", "--out", p.folder / "made"],
    "evaluate": lambda p: ["evaluate", p.folder / NAME],
    "scaling": lambda p: ["scaling", "fit", p.folder / NAME],
    "tokenizer": lambda p: ["tokenizer", "check", "text", p.folder / NAME],
    "left": lambda p: ["prepare", p.folder / "left.yaml"],
}


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[io.BytesIO, io.BytesIO]]:
    """Sets standard output and error to pipes of an encoding."""

    def to(encoding: str) -> tuple[io.BytesIO, io.BytesIO]:
        pipes = io.BytesIO(), io.BytesIO()
        for name, pipe in zip(("stdout", "stderr"), pipes, strict=True):
            monkeypatch.setattr(sys, name, io.TextIOWrapper(pipe, encoding, write_through=True))
        return pipes

    return to


def bad(text: str) -> set[str]:
    """The characters of a text that a terminal obeys or hides."""
    return {each for each in text if each != "\n" and unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}


def test_no_command_prints_what_a_terminal_obeys(
    planted: Planted, streams: Callable[[str], tuple[io.BytesIO, io.BytesIO]]
) -> None:
    (planted.folder / "ids").write_text(HOSTILE + "\n", "utf-8")
    keys = {HOSTILE: {HOSTILE: HOSTILE}, "name": "a"}
    (planted.folder / "keys.yaml").write_text(yaml.safe_dump(keys), "utf-8")
    (planted.folder / "broken.yaml").write_text(f"a: [{MARKUP}\nb: \x85{HOSTILE}", "utf-8")
    left = yaml.safe_load((planted.folder / "run.yaml").read_text())
    left |= {"out": str(planted.folder / "left"), "filters": [{"name": "text_length", "min_words": 1000}]}
    (planted.folder / "left.yaml").write_text(yaml.safe_dump(left))
    problems = {}
    for name, arguments in COMMANDS.items():
        for encoding in ("utf-8", "ascii", "latin-1"):
            out, err = streams(encoding)
            try:
                code = planted.command(*arguments(planted)).code
            except Exception as error:  # so that all are listed
                problems[name, encoding] = repr(error)
                continue
            printed = (out.getvalue() + err.getvalue()).decode(encoding)
            wrong = bad(printed) or ("Traceback" in printed) or ("😄" in printed)
            wrong = wrong or code != (1 if name == "left" else 2 if name in list(COMMANDS)[14:] else 0)
            if wrong or not printed:
                problems[name, encoding] = f"exit {code}: {bad(printed)} {printed[-300:]!r}"
    assert problems == {}


@pytest.mark.parametrize(
    "command", ["show row", "show id", "show sample", "show cluster", "show dropped", "stats", "left"]
)
def test_markup_stands_there_as_it_is(planted: Planted, command: str) -> None:
    left = yaml.safe_load((planted.folder / "run.yaml").read_text())
    left |= {"out": str(planted.folder / "left"), "filters": [{"name": "text_length", "min_words": 1000}]}
    (planted.folder / "left.yaml").write_text(yaml.safe_dump(left))
    said = planted.command(*COMMANDS[command](planted))
    assert MARKUP in said.out + said.err
    assert r"\x1b[31m" in said.out + said.err
