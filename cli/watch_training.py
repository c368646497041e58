"""A training as `triptych watch` shows it, from the metrics that it writes."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from ..schemas.console import VisibleConsole, text
from ..train.curves import figures, trained_manifests, training_series, unigram_bits, validations
from ..train.plain_log import duration, step_line, validation_line
from ..train.run_state import State, seconds_left, state_of
from ..train.verdict import verdict
from .bars import bar, curve
from .browse.items import Item

CURVE = 24  # cells


class WatchedTraining:
    """A run that trains, or has trained."""

    def __init__(self, item: Item) -> None:
        self._item = item
        self._lines: list[dict[str, Any]] = []
        self._steps: int | None = None
        self._age: float | None = None
        self._baseline: dict[str, float] | None = None
        self._told = 0  # lines of which news were given
        self._told_state: State | None = None

    def look(self) -> bool:
        """Read the metrics again."""
        curves = self._item.curves
        self._lines, self._steps, self._age = curves.lines, curves.steps, curves.age
        record = curves.record
        if record is not None and self._baseline is None:
            self._baseline = unigram_bits(trained_manifests(record, {}))
        return self.state == "finished"

    @property
    def state(self) -> State:
        """How the run stands."""
        return state_of(self._done, self._steps, self._age)

    @property
    def _done(self) -> int:
        return max((int(line["step"]) for line in self._lines), default=0)

    def facts(self) -> dict[str, object]:
        """State, steps, time left, the last figures by modality, and the last line of the metrics."""
        trained = [line for line in self._lines if "split" not in line]
        return {
            "what": "training",
            "state": self.state,
            "step": self._done,
            "steps": self._steps,
            "seconds_left": seconds_left(self._lines, self._steps),
            "seconds_since_last_line": self._age,
            "figures": self._figures(),
            "last": trained[-1] if trained else None,
        }

    def _figures(self) -> list[dict[str, Any]]:
        series, checks = training_series(self._lines), validations(self._lines)
        return figures(series, checks, self._baseline or {})

    def screen(self, console: VisibleConsole) -> RenderableType:
        """A headline, a bar, a table of bits per token by modality, and the last figures."""
        unicode = console.encoding.startswith("utf")
        done, steps = self._done, self._steps
        left = seconds_left(self._lines, steps)
        remaining = f", about {duration(left)} left" if left is not None and self.state == "training" else ""
        of = f" of {steps:,}" if steps is not None else ""
        parts: list[RenderableType] = [
            text(self._item.where, "bold"),
            f"{self.state}: step {done:,}{of}{remaining}",
        ]
        if steps:
            parts.append(text(bar(done / steps, console.width - 8, unicode) + f" {done / steps:.0%}"))
        return Group(*parts, self._table(unicode), *self._last())

    def _table(self, unicode: bool) -> Table:
        table = Table(title="Bits per token (lower is better)", title_justify="left")
        table.add_column("modality")
        for name in ("training", "held out", "baseline"):
            table.add_column(name, justify="right")
        table.add_column("training so far")
        series = training_series(self._lines)
        for row in self._figures():
            cells = (_number(row[name]) for name in ("train", "validation", "baseline"))
            line = curve(series.get(f"bits_{row['modality']}", ()), CURVE, unicode)
            table.add_row(row["modality"], *cells, line)
        return table

    def _last(self) -> list[str]:
        """The last figures of the training, and what the last validation means."""
        trained = [line for line in self._lines if "split" not in line]
        found = []
        if trained:
            last = trained[-1]
            mfu = f"  {last['mfu']:.1%} MFU" if last.get("mfu") is not None else ""
            skipped = f"  {last['left_out']:,.0f} steps skipped" if last.get("left_out") else ""
            found.append(
                f"loss {_number(last.get('loss'))}  gradient norm {_number(last.get('grad_norm'))}  learning rate "
                f"{_number(last.get('lr'), '.2e')}{skipped}"
            )
            speed, tokens = last.get("tokens_per_second") or 0, last.get("tokens") or 0
            found.append(f"{speed:,.0f} tokens/s{mfu}  {tokens:,.0f} tokens so far")
        found += verdict(self._lines, self._baseline or {})
        if self._age is not None and self.state != "finished":
            found.append(f"Last line written {duration(self._age)} ago{_stopped(self.state)}")
        return found

    def news(self) -> list[str]:
        """Each new line of the metrics in words; at first only the last of each kind."""
        fresh = self._lines[self._told :]
        if not self._told:
            last = {line.get("split", "training"): line for line in fresh}
            fresh = [line for line in fresh if any(line is one for one in last.values())]
        self._told = len(self._lines)
        found = [self._told_line(line) for line in fresh]
        if self.state != self._told_state:
            self._told_state = self.state
            found.append(f"{self._item.where}: {self.state}{_stopped(self.state)}")
            if self.state == "finished":
                found += verdict(self._lines, self._baseline or {})
        return found

    def _told_line(self, line: dict[str, Any]) -> str:
        if "split" in line:
            return validation_line(line)
        return step_line(line, line["step"], self._steps, seconds_left(self._lines, self._steps))


def _stopped(state: State) -> str:
    return "; it may have stopped, or a step takes long" if state == "stopped" else ""


def _number(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else f"{value:{form}}"
