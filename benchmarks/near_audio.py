"""Near-duplicate clips: speed of fingerprints, and what of edited copies is found among all clips.

    python -m benchmarks.near_audio corpora/prompts.parquet corpora/spoken/*.tar … [--copied 100] [--repeats 3] [--json]

Files are Parquet with columns `audio` and `text`, or WebDataset tars with `ogg` or `wav` members and `txt`; the tars of
a folder are one set. Some clips of every set are copied in each way of `audio_edits`, and the copies join the clips of
all sets; pairs go through keys, candidates and test as in a run. A copy is to be found if its original has a
fingerprint. A pair is right if both are copies of one clip, or of two whose waves correlate by .9 where they overlap.
The last table says why clips with little sound have no fingerprint: two that are no copies may agree as well as copies.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import pyarrow as pa
import xxhash
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from triptych.pipelines.dedup.audio.align import ALIKE, agreements
from triptych.pipelines.dedup.audio.fingerprint import FRAMES_A_SECOND, RATE, codes_of
from triptych.pipelines.dedup.audio.near import Fingerprint, prints_of
from triptych.pipelines.sources.registry import open_source
from triptych.schemas.config.run import Limits
from triptych.schemas.config.sources import Source
from triptych.tokenizers.audio.decode_clip import duration_of, wave_of
from triptych.tokenizers.protocol import Wave

from .audio_edits import edits_of, wave_correlation
from .measure import cpu_seconds, machine, show, spread
from .near_pairs import find_pairs

SAME = 0.9  # correlation of waves
LONGEST = 600.0
SOUND = (0.2, 0.3, 0.4, 0.5, 0.6)  # seconds
WORTH_A_LOOK = 0.6  # agreement from which waves are compared
NEAR = Fingerprint(LONGEST)
Facts = dict[str, Any]


class Clip(NamedTuple):
    """A clip of a set; `copy_of` is the number of the clip that it is an edited copy of, by `edit`."""

    name: str
    data: bytes
    copy_of: int
    edit: str = ""


def read_clips(files: Sequence[str]) -> list[Clip]:
    """Every clip of the files."""
    clips: list[Clip] = []
    for file in files:
        tar = file.endswith(".tar")
        config = {"name": "clips", "path": file, "modality": "audio-text", "kind": "webdataset" if tar else "parquet"}
        columns = {"audio": "ogg;wav", "text": "txt"} if tar else {"audio": "audio", "text": "text"}
        source: Source = TypeAdapter(Source).validate_python(config | columns)
        reader = open_source(source, Limits(), 1 << 26)
        name = Path(file).parent.name if tar else Path(file).stem
        for unit in reader.units():
            for batch in reader.read(unit):
                data = batch.table["audio"].to_pylist()
                clips += [Clip(name, each, number) for number, each in enumerate(data, len(clips))]
    return clips


def copies_of(clips: Sequence[Clip], judged: Sequence[bool], count: int) -> list[Clip]:
    """Edited copies of up to `count` judged clips of every set; in the order of their hashes, which is a fair draw."""
    taken: dict[str, int] = defaultdict(int)
    copies = []
    for number in sorted(range(len(clips)), key=lambda number: xxhash.xxh3_64_intdigest(clips[number].data)):
        name, data, *_ = clips[number]
        if judged[number] and taken[name] < count:
            taken[name] += 1
            rate = duration_of(data)[1]
            edited = edits_of(wave_of(data, rate, LONGEST), rate, seed=number)
            copies += [Clip(name, each, number, edit) for edit, each in edited.items()]
    return copies


def sign(clips: Sequence[Clip]) -> pa.ListArray:
    """Fingerprints of clips, as a run makes them."""
    return NEAR.sign(pa.chunked_array([[clip.data for clip in clips]], pa.binary()))


class Judge:
    """Whether two clips are of one recording, by their waves alone."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self.clips = clips
        self.known: dict[tuple[int, int], bool] = {}

    def __call__(self, left: int, right: int) -> bool:
        """By numbers of clips, copies or not."""
        pair = (self.clips[left].copy_of, self.clips[right].copy_of)
        if pair[0] == pair[1]:
            return True
        if pair not in self.known:
            self.known[pair] = wave_correlation(*(self._wave(number) for number in pair)) >= SAME
        return self.known[pair]

    def _wave(self, number: int) -> Wave:
        return wave_of(self.clips[number].data, RATE, LONGEST)


def score(clips: Sequence[Clip], signatures: pa.ListArray, judge: Judge) -> dict[str, Any]:
    """Recall by set and edit, precision, and what it cost to get there."""
    found: list[Any] = []
    seconds = cpu_seconds(lambda: found.append(find_pairs(NEAR, signatures)))
    left, right = found[0].left[found[0].alike].tolist(), found[0].right[found[0].alike].tolist()
    pairs = set(zip(left, right, strict=True))
    recall: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for number, clip in enumerate(clips):
        if clip.edit:
            recall[clip.edit][clip.name].append((clip.copy_of, number) in pairs)
    judged = len(clips) - signatures.null_count
    right_ones = sum(judge(*pair) for pair in pairs)
    frames = len(signatures.flatten())
    return {
        "recall": {
            edit: {name: [sum(hits), len(hits)] for name, hits in sets.items()} for edit, sets in recall.items()
        },
        "pairs compared": judged * (judged - 1) // 2,
        "pairs found": len(pairs),
        "pairs right": right_ones,
        "precision": round(right_ones / len(pairs), 5),
        "of them not planted": sum(clips[one].copy_of != clips[other].copy_of for one, other in pairs),
        "keys a second of sound": round(found[0].keys / frames * FRAMES_A_SECOND, 1),
        "candidates a clip": round(len(found[0].left) / judged, 1),
        "CPU milliseconds a clip, to compare": round(1000 * seconds / judged, 2),
    }


def strangers(clips: Sequence[Clip], judge: Judge) -> dict[str, dict[str, float]]:
    """By seconds of sound of the shorter one: how well clips agree that are no copies."""
    codes = [codes_of(wave_of(clip.data, RATE, LONGEST)) for clip in clips]
    sound = np.array([np.count_nonzero(each) for each in codes]) / FRAMES_A_SECOND
    long_enough = [each if seconds >= SOUND[0] else None for each, seconds in zip(codes, sound, strict=True)]
    prints = pa.array(long_enough, pa.list_(pa.uint32()))
    left, right, *_ = find_pairs(NEAR, prints)
    agreement = agreements(*(prints_of(prints.take(pa.array(side))) for side in (left, right)))
    for at in np.flatnonzero(agreement >= WORTH_A_LOOK).tolist():
        agreement[at] *= not judge(int(left[at]), int(right[at]))
    least = np.minimum(sound[left], sound[right])
    rows = {}
    for low, high in zip(SOUND, (*SOUND[1:], np.inf), strict=True):
        here = agreement[(least >= low) & (least < high)]
        alike = float((here >= ALIKE).sum())
        rows[f"{low:g} to {high:g} s"] = {
            "candidates": len(here),
            "greatest": float(here.max(initial=0)),
            "alike": alike,
        }
    return rows


def show_recall(recall: dict[str, dict[str, list[int]]]) -> None:
    """A line an edit, a column a set."""
    names = sorted({name for sets in recall.values() for name in sets})
    table = Table("recall", *names, "all")
    for edit, sets in recall.items():
        counts = [sets.get(name, [0, 0]) for name in names]
        total = [sum(column) for column in zip(*counts, strict=True)]
        table.add_row(edit, *(f"{hits} of {of}" if of else "" for hits, of in counts), f"{total[0] / total[1]:.3f}")
    Console(width=120).print(table)


def show_strangers(rows: dict[str, dict[str, float]]) -> None:
    """A line for every range of seconds of sound."""
    table = Table("sound", *next(iter(rows.values())), title="Candidates that are no copies")
    for name, row in rows.items():
        table.add_row(name, *(f"{value:.3g}" for value in row.values()))
    Console(width=120).print(table)


def speeds(clips: Sequence[Clip], judged: Sequence[bool], repeats: int) -> tuple[dict[str, dict[str, float]], Facts]:
    """How fast each set is signed, and what is in it."""
    figures, facts = {}, {}
    for name in dict.fromkeys(clip.name for clip in clips):
        mine = [clip for clip in clips if clip.name == name]
        seconds = sum(frames / rate for frames, rate in (duration_of(clip.data) for clip in mine))
        taken = [cpu_seconds(partial(sign, mine)) for _ in range(repeats)]
        figures[f"{name}, seconds of clips signed a CPU second"] = spread([seconds / used for used in taken])
        able = sum(judged[clip.copy_of] for clip in mine)
        facts[name] = f"{len(mine)} clips of {seconds:.0f} s in all, {able} of which have a fingerprint"
    return figures, facts


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--copied", default=100, show_default=True, help="Clips copied of every set, at most.")
@click.option("--repeats", default=3, show_default=True, help="Turns of the measurement of speed.")
@click.option("--json", "as_json", is_flag=True)
def main(files: tuple[str, ...], copied: int, repeats: int, as_json: bool) -> None:
    """Measure on the clips of FILES."""
    clips = read_clips(files)
    signatures = sign(clips)
    judged = signatures.is_valid().to_pylist()
    figures, facts = speeds(clips, judged, repeats)
    copies = copies_of(clips, judged, copied)
    every = [*clips, *copies]
    judge = Judge(every)
    scores = score(every, pa.concat_arrays([signatures, sign(copies)]), judge)
    recall = scores.pop("recall")
    between = strangers(clips, judge)
    if as_json:
        click.echo(
            json.dumps({"machine": machine(), **facts, **scores, "recall": recall, "strangers": between, **figures})
        )
        return
    show("Near-duplicate clips", figures, facts | scores, as_json)
    show_recall(recall)
    show_strangers(between)


if __name__ == "__main__":
    main()
