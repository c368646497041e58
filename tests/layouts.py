"""Small copies of the layouts in which people keep corpora, by the heading of their recipe in corpus-layouts.md.

Each function fills a folder and returns the texts of the samples that the recipe has to give, once each.
"""

import csv
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
from PIL import Image, ImageDraw

COUNT = 4


def picture(number: int) -> bytes:
    image = Image.new("RGB", (40, 36), (250, 250, 250 - number))
    ImageDraw.Draw(image).rectangle((2 + number, 3, 20 + number, 30), fill=(20 * number, 90, 200 - 9 * number))
    sink = io.BytesIO()
    image.save(sink, "PNG")
    return sink.getvalue()


def captions(number: int) -> list[str]:
    return [f"box {number} in blue", f"a blue box, the one of {number}"]


def transcript(number: int) -> str:
    return f"clip {number} says nothing"


def write_clip(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = np.sin(np.arange(6400) * 0.02 * (number + 2)) / 2
    soundfile.write(path, wave, 16000, format=path.suffix[1:].upper())


def write_picture(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture(number))


def img2dataset(root: Path) -> list[str]:
    folder = root / "img2dataset"
    folder.mkdir()
    for shard in range(2):
        rows = []
        with tarfile.open(folder / f"{shard:05d}.tar", "w") as tar:
            for number in range(shard * COUNT, (shard + 1) * COUNT):
                key, failed = f"{number:09d}", number % COUNT == 1
                rows.append({"key": key, "caption": captions(number)[0], "status": "failed" if failed else "success"})
                members = {"jpg": picture(number), "txt": captions(number)[0].encode()}
                members["json"] = json.dumps(rows[-1]).encode()
                for ending, data in {} if failed else members.items():
                    info = tarfile.TarInfo(f"{key}.{ending}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{shard:05d}.parquet")
        (folder / f"{shard:05d}_stats.json").write_text("{}")
    return [captions(number)[0] for number in range(2 * COUNT) if number % COUNT != 1]


def save_to_disk(root: Path) -> list[str]:
    rows = [{"image": {"bytes": picture(n), "path": None}, "captions": captions(n)} for n in range(COUNT)]
    saved = datasets.Dataset.from_list(rows).cast_column("image", datasets.Image())
    datasets.DatasetDict({"train": saved, "test": saved.select([0])}).save_to_disk(str(root / "hf_dict"))
    return [text for n in range(COUNT) for text in captions(n)]


def mp3_csv(root: Path) -> list[str]:
    for n in range(COUNT):
        write_clip(root / f"mp3_csv/talk {n}.mp3", n)
    with (root / "mp3_csv/list.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("filename", "title"), *((f"talk {n}.mp3", transcript(n)) for n in range(COUNT))])
    return [transcript(n) for n in range(COUNT)]


def librispeech(root: Path) -> list[str]:
    found = []
    for speaker, chapter, first in ((84, 121123, 0), (84, 121550, 3), (174, 50561, 6)):
        folder = root / f"LibriSpeech/dev-clean/{speaker}/{chapter}"
        names = [f"{speaker}-{chapter}-{n:04d}" for n in range(2)]
        texts = [transcript(first + n).upper() for n in range(2)]
        for n, name in enumerate(names):
            write_clip(folder / f"{name}.flac", first + n)
        lines = "".join(f"{name} {text}\n" for name, text in zip(names, texts, strict=True))
        (folder / f"{speaker}-{chapter}.trans.txt").write_text(lines)
        found += texts
    return found


def ljspeech(root: Path) -> list[str]:
    texts = [f'{"quoted " * (n % 2)}"{transcript(n)}' for n in range(COUNT)]
    for n in range(COUNT):
        write_clip(root / f"LJSpeech-1.1/wavs/LJ001-{n:04d}.wav", n)
    lines = [f"LJ001-{n:04d}|No. {n}|{texts[n]}\n" for n in range(COUNT)]
    (root / "LJSpeech-1.1/metadata.csv").write_text("".join(lines))
    return texts


def common_voice(root: Path) -> list[str]:
    folder = root / "cv-corpus-17.0/en"
    texts = [f'"{transcript(n)}' for n in range(COUNT)]
    for n in range(COUNT):
        write_clip(folder / f"clips/common_voice_en_{n}.mp3", n)
    lines = [f"c{n}\tcommon_voice_en_{n}.mp3\t{texts[n]}\t2\n" for n in range(COUNT)]
    (folder / "validated.tsv").write_text("client_id\tpath\tsentence\tup_votes\n" + "".join(lines))
    return texts


def nemo(root: Path) -> list[str]:
    for n in range(COUNT):
        write_clip(root / f"nemo/{n}.wav", n)
    rows = [
        {"audio_filepath": f"{root.resolve()}/nemo/{n}.wav", "duration": 0.4, "text": transcript(n)}
        for n in range(COUNT)
    ]
    (root / "nemo/manifest.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [transcript(n) for n in range(COUNT)]


def coco(root: Path) -> list[str]:
    for n in range(COUNT):
        write_picture(root / f"coco/train2017/{n:012d}.jpg", n)
    (root / "coco/annotations").mkdir()
    images = [{"id": n, "file_name": f"{n:012d}.jpg", "license": 1} for n in range(COUNT)]
    notes = [
        {"id": 10 * place + n, "image_id": n, "caption": captions(n)[place]} for place in range(2) for n in range(COUNT)
    ]
    tree = {"info": {}, "licenses": [{"id": 1}], "images": images, "annotations": notes}
    (root / "coco/annotations/captions_train2017.json").write_text(json.dumps(tree))
    return [text for n in range(COUNT) for text in captions(n)]


def llava(root: Path) -> list[str]:
    for n in range(COUNT):
        write_picture(root / f"coco/train2017/{n:012d}.jpg", n)
    talks = [
        {
            "id": f"{n:012d}",
            "image": f"train2017/{n:012d}.jpg",
            "conversations": [
                {"from": "human", "value": "<image>\nDescribe it."},
                {"from": "gpt", "value": captions(n)[0]},
                {"from": "human", "value": "Again."},
                {"from": "gpt", "value": captions(n)[1]},
            ],
        }
        for n in range(COUNT)
    ]
    (root / "coco/llava.json").write_text(json.dumps(talks, indent=1))
    return [captions(n)[0] for n in range(COUNT)]


def same_name(root: Path) -> list[str]:
    for n in range(COUNT):
        name = root / f"same_name/{'sub/' * (n % 2)}{n}.png"
        write_picture(name, n)
        name.with_suffix(".txt").write_text(captions(n)[0])
    write_picture(root / "same_name/alone.JPG", 9)
    (root / "same_name/without.txt").write_text("no picture")
    (root / "same_name/notes.md").write_text("not named by the recipe")
    return [captions(n)[0] for n in range(COUNT)]


def fineweb(root: Path) -> list[str]:
    texts = [f"page {n} is about boxes" for n in range(6)]
    rows = [
        {
            "text": text,
            "id": f"<urn:uuid:{n}>",
            "url": f"https://example.org/{n}",
            "language": "de" if n == 1 else "en",
            "language_score": 0.5 if n == 2 else 0.9,
        }
        for n, text in enumerate(texts)
    ]
    folder = root / "fineweb/data/CC-MAIN-2024-10"
    folder.mkdir(parents=True)
    for shard in range(2):
        pq.write_table(pa.Table.from_pylist(rows[shard::2]), folder / f"train-{shard:05d}.parquet")
    return [text for n, text in enumerate(texts) if n not in (1, 2)]  # the recipe's filters drop these


def whole_files(root: Path) -> list[str]:
    files = {f"books/book{n}.txt": f"book {n}\n\nchapter one\n" for n in range(COUNT)}
    files |= {f"code/{'package/' * (n % 2)}module_{n}.py": f"def f_{n}(x):\n    return x\n" for n in range(COUNT)}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return list(files.values())


def large_parquet(root: Path) -> list[str]:
    texts = [f"document {n} of many" for n in range(40)]
    pq.write_table(pa.table({"text": texts}), root / "corpus.parquet", row_group_size=10)
    return texts


LAYOUTS: dict[str, Callable[[Path], list[str]]] = {
    "img2dataset": img2dataset,
    "save_to_disk": save_to_disk,
    "MP3 files with a CSV file": mp3_csv,
    "LibriSpeech": librispeech,
    "LJSpeech": ljspeech,
    "Common Voice": common_voice,
    "NeMo manifests": nemo,
    "COCO captions": coco,
    "LLaVA": llava,
    "Images with text files": same_name,
    "FineWeb": fineweb,
    "Whole files": whole_files,
    "A large Parquet file": large_parquet,
}
