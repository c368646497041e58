"""The layouts in which people keep corpora, each small, in one folder."""

import csv
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 6
# rows that a run reads of each layout (a row with two captions makes two samples)
COUNTS = {
    "img2dataset": 2 * ROWS,
    "hf_dict": 2 * ROWS,
    "mp3_csv": ROWS,
    "LibriSpeech": 3 * ROWS,
    "LJSpeech-1.1": ROWS,
    "cv-corpus-17.0": ROWS,
    "nemo": ROWS,
    "coco": 2 * ROWS,
    "llava": ROWS,
    "same_name": ROWS,
    "fineweb": 2 * ROWS,
    "lines": 2 * ROWS,
    "books": ROWS,
    "code": ROWS,
}


def write_layouts(root: Path, makers: Any) -> None:
    """Write all layouts below `root`, each in the folder of its name in COUNTS."""
    captions = [[f"a red circle, number {i}", f"number {i}: one circle in red"] for i in range(2 * ROWS)]
    pictures = [makers.picture(i) for i in range(2 * ROWS)]
    sounds = [makers.clip(i) for i in range(ROWS)]
    texts = [makers.words(i, 60) for i in range(2 * ROWS)]
    said = [makers.words(100 + i, 8).replace("\n", " ") for i in range(ROWS)]
    _img2dataset(root / "img2dataset", pictures, captions)
    _saved(root / "hf_dict", pictures, captions)
    _mp3(root / "mp3_csv", makers, said)
    _librispeech(root / "LibriSpeech", sounds, said)
    _tables_of_clips(root, makers, said)
    _coco(root, pictures, captions)
    _texts(root, texts)


def _img2dataset(folder: Path, pictures: list[bytes], captions: list[list[str]]) -> None:
    folder.mkdir()
    for shard in range(2):
        facts = []
        with tarfile.open(folder / f"{shard:05d}.tar", "w") as tar:
            for i in range(ROWS):
                fact = {"caption": captions[i][0], "url": f"https://example.org/{i}.jpg", "key": f"{i:04d}"}
                facts.append(fact)
                members = {"jpg": pictures[shard * ROWS + i], "txt": captions[i][0].encode()}
                for name, data in (members | {"json": json.dumps(fact).encode()}).items():
                    info = tarfile.TarInfo(f"{shard}{i:04d}.{name}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        pq.write_table(pa.Table.from_pylist(facts), folder / f"{shard:05d}.parquet")
        (folder / f"{shard:05d}_stats.json").write_text("{}")


def _saved(folder: Path, pictures: list[bytes], captions: list[list[str]]) -> None:
    import datasets

    rows = [{"image": {"bytes": pictures[i], "path": None}, "captions": captions[i]} for i in range(ROWS)]
    saved = datasets.Dataset.from_list(rows).cast_column("image", datasets.Image())
    datasets.DatasetDict({"test": saved.select(range(2)), "train": saved}).save_to_disk(str(folder))


def _mp3(folder: Path, makers: Any, said: list[str]) -> None:
    folder.mkdir()
    with open(folder / "list.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["filename", "title"])
        for i, text in enumerate(said):
            (folder / f"talk {i}.ogg").write_bytes(makers.clip(i))
            table.writerow([f"talk {i}.ogg", text])


def _librispeech(top: Path, sounds: list[bytes], said: list[str]) -> None:
    for speaker, chapter in ((84, 121123), (84, 121550), (174, 50561)):
        folder = top / f"dev-clean/{speaker}/{chapter}"
        folder.mkdir(parents=True)
        lines = []
        for i, text in enumerate(said):
            (folder / f"{speaker}-{chapter}-{i:04d}.flac").write_bytes(sounds[i])
            lines.append(f"{speaker}-{chapter}-{i:04d} {text.upper()}\n")
        (folder / f"{speaker}-{chapter}.trans.txt").write_text("".join(lines))
    (top / "dev-clean/README.TXT").write_text("about the corpus")


def _tables_of_clips(root: Path, makers: Any, said: list[str]) -> None:
    for folder in ("LJSpeech-1.1/wavs", "cv-corpus-17.0/en/clips", "nemo"):
        (root / folder).mkdir(parents=True)
    bars, tabs, lines = [], ["client_id\tpath\tsentence\tup_votes\tlocale"], []
    for i, text in enumerate(said):
        (root / f"LJSpeech-1.1/wavs/LJ001-{i:04d}.wav").write_bytes(makers.clip(i, file_format="WAV"))
        (root / f"cv-corpus-17.0/en/clips/common_voice_en_{i}.flac").write_bytes(makers.clip(i))
        (root / f"nemo/{i}.wav").write_bytes(makers.clip(i, file_format="WAV"))
        bars.append(f'LJ001-{i:04d}|the "first text {i}|the "first text number {i}')
        tabs.append(f'c{i % 3}\tcommon_voice_en_{i}.flac\t"{text}\t2\ten')
        lines.append(json.dumps({"audio_filepath": str(root / f"nemo/{i}.wav"), "duration": 0.5, "text": text}))
    (root / "LJSpeech-1.1/metadata.csv").write_text("\n".join(bars) + "\n")
    (root / "cv-corpus-17.0/en/validated.tsv").write_text("\n".join(tabs) + "\n")
    (root / "cv-corpus-17.0/en/invalidated.tsv").write_text("\n".join(tabs[:3]) + "\n")
    (root / "nemo/manifest.json").write_text("\n".join(lines) + "\n")


def _coco(root: Path, pictures: list[bytes], captions: list[list[str]]) -> None:
    for folder in ("coco/train2017", "coco/annotations", "llava/train2017", "same_name"):
        (root / folder).mkdir(parents=True)
    for i in range(ROWS):
        for folder in ("coco", "llava"):
            (root / f"{folder}/train2017/{i:012d}.png").write_bytes(pictures[i])
        (root / f"same_name/{i}.png").write_bytes(pictures[i])
        (root / f"same_name/{i}.txt").write_text(captions[i][0])
    images = [{"id": i, "file_name": f"{i:012d}.png"} for i in range(ROWS)]
    notes = [{"id": 2 * i + k, "image_id": i, "caption": c} for i in range(ROWS) for k, c in enumerate(captions[i])]
    document = {"info": {}, "licenses": [], "images": images, "annotations": notes}
    (root / "coco/annotations/captions_train2017.json").write_text(json.dumps(document))
    boxes = document | {"annotations": [{"id": i, "image_id": i, "bbox": [0, 0, 1, 1]} for i in range(ROWS)]}
    (root / "coco/annotations/instances_train2017.json").write_text(json.dumps(boxes))
    talks = [
        {
            "id": f"{i:012d}",
            "image": f"train2017/{i:012d}.png",
            "conversations": [
                {"from": "human", "value": "<image>\nDescribe it."},
                {"from": "gpt", "value": captions[i][0]},
            ],
        }
        for i in range(ROWS)
    ]
    (root / "llava/llava.json").write_text(json.dumps(talks))


def _texts(root: Path, texts: list[str]) -> None:
    for folder in ("fineweb/data", "lines", "books", "code/package"):
        (root / folder).mkdir(parents=True)
    rows = [{"text": text, "url": f"https://example.org/{i}", "score": i / 10} for i, text in enumerate(texts)]
    for shard in range(2):
        pq.write_table(pa.Table.from_pylist(rows[shard::2]), root / f"fineweb/data/train-{shard:05d}.parquet")
        lines = [json.dumps({"id": i, "body": row["text"]}) for i, row in enumerate(rows[shard::2])]
        (root / f"lines/{shard}.jsonl").write_text("\n".join(lines))
    pq.write_table(pa.Table.from_pylist(rows[:2]), root / "fineweb/data/test-00000.parquet")
    for i in range(ROWS):
        (root / f"books/book{i}.txt").write_text(texts[i])
        (root / f"code/package/module_{i}.py").write_text(f'"""Module {i}."""\n\n\ndef f_{i}(x):\n    return x + {i}\n')
    (root / "books/README.md").write_text("# Books")


@pytest.fixture(scope="session")
def layouts(once: Callable[[str, Callable[[Path], None]], Path], makers: Any) -> Path:
    """A folder with all layouts; not to be written to."""
    return once("layouts", lambda folder: write_layouts(folder, makers))


@pytest.fixture(scope="session")
def counts() -> dict[str, int]:
    return COUNTS
