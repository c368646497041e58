"""What the filters of texts cost, and what they would drop with their defaults.

    python -m benchmarks.text_filters DOCS.jsonl.gz… [--megabytes 50] [--repeats 3] [--json]

MB of UTF-8 per CPU second, one filter after the other over the same partition in memory. Each turn measures all of
them. The share of texts dropped is that of each filter alone.
"""

import click
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from triptych.pipelines.filters.registry import filter_function
from triptych.pipelines.sources.registry import open_source
from triptych.schemas.config.filters.union import AnyFilter
from triptych.schemas.config.run import Limits
from triptych.schemas.config.sources import JsonlSource

from .measure import cpu_seconds, show, spread

FILTERS = [
    {"name": "text_length", "min_chars": 20, "min_words": 3},
    {"name": "symbol_ratio"},
    {"name": "repetition"},
    {"name": "language", "keep": ["en"]},
    {"name": "pii"},
]


def read_partition(files: tuple[str, ...], megabytes: int) -> pa.Table:
    """The first megabytes of text, as `prepare` reads them."""
    tables: list[pa.Table] = []
    for file in files:
        source = JsonlSource(name="docs", kind="jsonl", path=file, text="text")
        reader = open_source(source, Limits(), 1 << 20)
        for batch in (batch for unit in reader.units() for batch in reader.read(unit)):
            tables.append(batch.table)
            if sum(table["text"].nbytes for table in tables) >= megabytes * 1_000_000:
                return pa.concat_tables(tables)
    return pa.concat_tables(tables)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--megabytes", default=50, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(files: tuple[str, ...], megabytes: int, repeats: int, as_json: bool) -> None:
    """Measure on the text of FILES."""
    pa.set_cpu_count(1)
    table, limits = read_partition(files, megabytes), Limits()
    size = pc.sum(pc.binary_length(table["text"])).as_py() / 1e6
    filters = TypeAdapter(list[AnyFilter]).validate_python(FILTERS)
    speeds: dict[str, list[float]] = {config.name: [] for config in filters}
    dropped: dict[str, float] = {}

    def judge(config: AnyFilter) -> None:
        rows = {row for row, _ in filter_function(config)(config, table, limits)}
        dropped[config.name] = len(rows) / len(table)

    for _ in range(repeats):
        for config in filters:
            seconds = cpu_seconds(lambda config=config: judge(config))  # type: ignore[misc]
            speeds[config.name].append(size / seconds)
    facts = {"megabytes": round(size, 1), "texts": len(table), "turns": repeats}
    shares = {f"dropped by {name}": f"{share:.2%}" for name, share in dropped.items()}
    figures = {f"{name}, MB per CPU second": spread(values) for name, values in speeds.items()}
    show("Filters of texts", figures, facts | shares, as_json)


if __name__ == "__main__":
    main()
