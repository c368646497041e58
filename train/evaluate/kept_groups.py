"""Results of finished groups on disk, so that an evaluation that ends early goes on where it stopped.

A file of JSON lines: what was evaluated and how, then the results of one group a line. Each line is on disk before the
next group begins. A group in which something failed is not kept, so that the same command does it again; neither is one
whose own file has changed since, while those of the other groups are.
"""

import base64
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...schemas.identity import parse_json
from .report.exhibits import Exhibit
from .report.metric import Metric
from .report.not_measured import NotMeasured

FILE = "groups.jsonl"
EvaluationResult = Metric | NotMeasured | Exhibit
KINDS: Mapping[str, Callable[..., EvaluationResult]] = {
    "metric": Metric,
    "not measured": NotMeasured,
    "exhibit": Exhibit,
}


class KeptGroups:
    """Results by run and group.

    Args:
        folder: Folder of the report.
        facts: What is evaluated and how, JSON-ready; results of an evaluation with other facts are discarded.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any]) -> None:
        self._file = folder / FILE
        self._groups: dict[tuple[str, str, str], list[EvaluationResult]] = {}
        head = json.dumps({"facts": facts}, sort_keys=True)
        lines = self._file.read_text("utf-8", "replace").split("\n") if self._file.exists() else []
        whole = lines[:-1]  # a line that was being written has no end
        kept = [head]
        for line in whole[1:] if whole[:1] == [head] else ():
            with suppress(ValueError, LookupError, TypeError):  # a damaged line is measured again
                tree = parse_json(line)
                self._groups[tree["run"], tree["group"], tree["file"]] = [_result(one) for one in tree["results"]]
                kept.append(line)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{FILE}.new"
        temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        os.replace(temporary, self._file)

    def get(self, run: str, group: str, file: str = "") -> list[EvaluationResult] | None:
        """Results of a group of a run, or None if it has not been finished.

        Args:
            run: Name of the run.
            group: Name of the group.
            file: Fingerprint of the file that this group alone reads; empty: none.
        """
        return self._groups.get((run, group, file))

    def add(self, run: str, group: str, results: Sequence[EvaluationResult], file: str = "") -> None:
        """Keep the results of a finished group, unless something failed in it; arguments as for `get`."""
        if any(isinstance(one, NotMeasured) and one.fault for one in results):
            return
        tree = {"run": run, "group": group, "file": file, "results": [_tree(one) for one in results]}
        with self._file.open("a", encoding="utf-8") as sink:
            sink.write(json.dumps(tree, allow_nan=False) + "\n")
            sink.flush()
            os.fsync(sink.fileno())

    def remove(self) -> None:
        """Remove the file when the report is complete."""
        self._file.unlink(missing_ok=True)


def _tree(result: EvaluationResult) -> dict[str, Any]:
    kind = next(name for name, kind in KINDS.items() if type(result) is kind)
    return {"kind": kind} | {name: _plain(value) for name, value in asdict(result).items()}


def _plain(value: Any) -> Any:
    """A value of JSON: bytes in base 64, and numbers that JSON lacks by name."""
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value


def _result(tree: dict[str, Any]) -> EvaluationResult:
    values = {name: _restored(value) for name, value in tree.items() if name != "kind"}
    return KINDS[tree["kind"]](**values)


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        return base64.b64decode(value["base64"]) if "base64" in value else float(value["float"])
    return tuple(value) if isinstance(value, list) else value
