"""Kills `triptych prepare` and `takedown` at random moments, goes on with another engine, and compares byte by byte.

    python -m benchmarks.kills RUN.yaml [--set KEY.PATH=VALUE …] [--change KEY.PATH=VALUE …] [--kills 20] [--seed 0]
        [--log FILE] [--json]
    python -m benchmarks.kills --corpus small --kills 250 --seed 0 --log kills.jsonl

A story is one folder: prepared, prepared again, documents taken down, prepared again. Each command gets SIGKILL, the
whole process group at once and so the workers of Dask and Beam too, when a random number of files has changed; it goes
on with another engine or another number of workers, and perhaps with another version of the run file (`--change`).
After each phase the dataset must have the bytes of an undisturbed run of the same version and takedown, and no
committed partition may be computed again. Exit code 1 if that is not so.

A log holds a line a try: number, seed, story, engine, what was running, step, outcome. A run with a log that exists
goes on behind its last number, and its sums are those of the whole log. A story is drawn from the seed and the number
of its first try. The kill itself comes at a moment of the clock, so the same story may be killed in another step.

`--corpus small` makes a corpus of all three modalities with planted duplicates; its tokenizers are trained once, by a
run before the others, and given to these by path. Processes are forked from one that has made the imports, which take
longer than such a run.
"""

import importlib
import json
import multiprocessing
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import yaml

from . import json_log, kill_log, small_corpus
from .json_log import Line
from .kill_log import SAME
from .kill_story import Choices, Story
from .killing import Killing
from .measure import machine
from .undisturbed import Undisturbed

ENGINES = (("serial",), ("dask", "1"), ("dask", "2"), ("dask", "4"), ("beam",), ("beam", "2"))
CHANGES = ("row_length=128",)
SMALL_CHANGES = ("row_length=640", "dedup.image.near.radius=2")
IMPORTS = ("distributed", "apache_beam", "triptych.cli.prepare", "triptych.cli.takedown", "triptych.pipelines.prepare")
BACK_ENDS = {
    "text": "triptych.tokenizers.text.sentencepiece_text",
    "image": "triptych.tokenizers.image.diffusers_vq",
    "audio": "triptych.tokenizers.audio.rvq",
}


def kill_all(
    runs: Killing, folder: Path, choices: Choices, kills: int, seed: int, number: int, log: Path | None
) -> list[Line]:
    """So many kills, numbered from `number`; each phase is logged when it ends, and also shown on stderr."""
    undisturbed = Undisturbed(runs, folder / "undisturbed", choices.versions, seed)
    lines: list[Line] = []
    while (left := kills - sum(line["killed"] for line in lines)) > 0:
        out = folder / f"story-{number}"
        for phase in Story(runs, undisturbed, choices, out, number, seed).phases(left):
            lines += phase
            if log:
                json_log.append(log, phase)
            click.echo("\n".join(map(json.dumps, phase)), err=True)
        number = kill_log.next_number(lines)
        if lines[-1]["outcome"] == SAME:
            shutil.rmtree(out)
    return lines


def small_run(folder: Path) -> Path:
    """The run file of the small corpus, its tokenizers given by path."""
    run = small_corpus.write(folder / "corpus")
    (folder / "first.yaml").write_text(yaml.safe_dump(run | {"out": "set below"}))
    runs = Killing(folder / "first.yaml", (), folder)
    runs.finish(runs.prepare(folder / "first", ("serial",)))
    trained = folder / "first/tokenizers"
    run["tokenizers"] = {
        "text": {"kind": "sentencepiece", "path": f"{trained}/text/text.model"},
        "image": {"kind": "vq", "path": f"{trained}/image", "size": 16},
        "audio": {"kind": "rvq", "path": f"{trained}/audio"},
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(run | {"out": "set below"}))
    return folder / "run.yaml"


def preload(modalities: Sequence[str]) -> None:
    """Import here what every run would import."""
    for name in (*IMPORTS, *(BACK_ENDS[modality] for modality in modalities)):
        importlib.import_module(name)
    multiprocessing.set_forkserver_preload([*IMPORTS])  # for Beam's workers, of which few come to the others


@click.command()
@click.argument("run_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--corpus", type=click.Choice(["small"]), help="Instead of a run file.")
@click.option("--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE", help="As `triptych prepare` has it.")
@click.option(
    "--change", "changes", multiple=True, metavar="KEY.PATH=VALUE", help="Another version of the run file; repeatable."
)
@click.option("--kills", type=click.IntRange(1), default=20, show_default=True)
@click.option("--most-workers", type=click.IntRange(1), default=4, show_default=True, help="Of a Dask or Beam run.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="Lines are added to this file.")
@click.option("--json", "as_json", is_flag=True)
def main(
    run_file: Path | None,
    corpus: str | None,
    overrides: tuple[str, ...],
    changes: tuple[str, ...],
    kills: int,
    most_workers: int,
    seed: int,
    log: Path | None,
    as_json: bool,
) -> None:
    """Kill and resume RUN_FILE's run, or that of a corpus made here."""
    if (run_file is None) == (corpus is None):
        raise click.UsageError("Give a run file, or --corpus small.")
    engines = [engine for engine in ENGINES if int(engine[-1] if len(engine) > 1 else 1) <= most_workers]
    changes = changes or (CHANGES if run_file else SMALL_CHANGES)
    before = json_log.read(log) if log else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        from triptych.schemas.config.load import load_run

        preload([m.name.lower() for m in load_run(run_file, overrides).modalities] if run_file else list(BACK_ENDS))
        runs = Killing(run_file or small_run(folder), overrides, folder)
        choices = Choices(engines, ((), *((each,) for each in changes)))
        lines = kill_all(runs, folder, choices, kills, seed, kill_log.next_number(before), log)
    found = kill_log.sums([*before, *lines])
    click.echo(json.dumps(found | {"machine": machine()}) if as_json else kill_log.summary(found))
    if found["mismatches"] or found["partitions_redone"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
