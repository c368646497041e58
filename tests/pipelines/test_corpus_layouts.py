"""Every recipe of corpus-layouts.md prepares the layout that it is for: all samples, with their texts and media."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from triptych.pipelines.inspection.show import DecodedSegment, show_row
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import Modality

from ..layouts import COUNT, LAYOUTS, captions, coco, same_name, save_to_disk, write_picture

PAGE = (Path(__file__).parents[2] / "docs/how-to/corpus-layouts.md").read_text()
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
NOT_READ = "What Triptych does not read"


def recipe(heading: str, root: Path) -> dict[str, Any]:
    """The keys of a recipe, with its paths below `root`."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```", SECTIONS[heading], re.MULTILINE | re.DOTALL)
    tree: dict[str, Any] = yaml.safe_load(block)
    for source in tree["sources"]:
        source["path"] = f"{root}/{source['path']}"
    return tree


def segments(out: Path) -> list[DecodedSegment]:
    dataset = Dataset(str(out))
    return [segment for row in range(dataset.rows) for segment in show_row(dataset, row)]


def dropped(out: Path) -> list[tuple[str, int, str]]:
    rows = pq.read_table(out / "dropped.parquet").to_pylist()
    return [(row["file"], row["row"], row["reason"]) for row in rows]


DROPPED = {
    "Images with text files": [("alone.JPG", 0, "text_missing"), ("without.txt", 0, "image_missing")],
    "FineWeb": [
        ("CC-MAIN-2024-10/train-00000.parquet", 1, "column:language_score"),
        ("CC-MAIN-2024-10/train-00001.parquet", 0, "column:language"),
    ],
}


def test_every_recipe_has_a_layout() -> None:
    assert [*SECTIONS] == [*LAYOUTS, NOT_READ]


@pytest.mark.parametrize("heading", LAYOUTS)
def test_a_recipe_gives_every_sample(heading: str, tree: Any, prepared: Any, tmp_path: Path) -> None:
    texts = LAYOUTS[heading](tmp_path)
    keys = recipe(heading, tmp_path)
    manifest = prepared(tree(tmp_path / "out", **keys))
    shown = segments(tmp_path / "out")
    gone = [reason for _, _, reason in dropped(tmp_path / "out")]
    assert sorted(dropped(tmp_path / "out")) == DROPPED.get(heading, [])
    assert Counter(segment.text for segment in shown) == Counter(texts)
    assert len({segment.segment["id"] for segment in shown}) == len(texts)
    for segment in shown:
        assert len(segment.files) == len(segment.kind.modalities)
    read = [tally for tally in manifest.ledger if tally.stage == "read"]
    assert sum(tally.rows_in for tally in read) == len(texts) + len(gone)


def test_captions_of_a_picture_stay_together_when_pictures_are_deduplicated(
    tree: Any, prepared: Any, tmp_path: Path
) -> None:
    coco(tmp_path)
    write_picture(tmp_path / "coco/train2017/again.jpg", 1)  # another file of the second picture
    table = tmp_path / "coco/annotations/captions_train2017.json"
    body = json.loads(table.read_text())
    body["images"].append({"id": 99, "file_name": "again.jpg"})
    body["annotations"] += [{"id": 90 + n, "image_id": 99, "caption": f"once more {n}"} for n in range(2)]
    table.write_text(json.dumps(body))
    keys = recipe("COCO captions", tmp_path) | {"dedup": {"image": {"exact": True}}}
    manifest = prepared(tree(tmp_path / "out", **keys))
    shown: Counter[str] = Counter(segment.text or "" for segment in segments(tmp_path / "out"))
    others = Counter(text for n in range(COUNT) if n != 1 for text in captions(n))
    assert shown - others in (Counter(captions(1)), Counter(["once more 0", "once more 1"]))
    assert [reason for _, _, reason in dropped(tmp_path / "out")] == ["exact_duplicate"] * 2
    (report,) = manifest.dedup
    assert report.sizes == {3: 1}  # the survivor, and the two samples that are dropped for it


@pytest.mark.parametrize(("pairs", "left"), [("both", 1), ("media", 2)])
def test_equal_captions_of_a_picture_are_duplicates_if_texts_are_compared(
    pairs: str, left: int, tree: Any, prepared: Any, tmp_path: Path
) -> None:
    write_picture(tmp_path / "1.png", 1)
    (tmp_path / "metadata.jsonl").write_text(json.dumps({"file": "1.png", "captions": ["same box", "same box"]}))
    source = {"name": "a", "kind": "folder", "path": str(tmp_path), "image": "file", "text": "captions"}
    dedup = {"image": {"exact": True}, "text": {"exact": True}, "pairs": pairs}
    prepared(tree(tmp_path / "out", sources=[source | {"text_from": "each"}], dedup=dedup))
    assert [segment.text for segment in segments(tmp_path / "out")] == ["same box"] * left


@pytest.mark.parametrize("how", ["first", "random", "join"])
def test_a_list_of_captions_becomes_one_text(how: str, tree: Any, prepared: Any, tmp_path: Path) -> None:
    save_to_disk(tmp_path)
    keys = recipe("save_to_disk", tmp_path)
    keys["sources"][0]["text_from"] = how
    prepared(tree(tmp_path / "out", **keys))
    shown = {segment.segment["row"]: segment.text for segment in segments(tmp_path / "out")}
    assert [*sorted(shown)] == [*range(COUNT)]
    for n in range(COUNT):
        allowed = {"first": captions(n)[:1], "random": captions(n), "join": ["\n".join(captions(n))]}
        assert shown[n] in allowed[how]


def test_ids_of_whole_files_do_not_depend_on_the_files_beside_them(tree: Any, prepared: Any, tmp_path: Path) -> None:
    same_name(tmp_path)
    keys = recipe("Images with text files", tmp_path)

    def ids() -> dict[str, bytes]:
        return {segment.segment["file"]: segment.segment["id"] for segment in segments(tmp_path / "out")}

    prepared(tree(tmp_path / "out", **keys))
    before = ids()
    write_picture(tmp_path / "same_name/0a.png", 17)
    (tmp_path / "same_name/0a.txt").write_text("one more")
    prepared(tree(tmp_path / "out", **keys, partition_bytes=1024))
    assert before.items() < ids().items()
    assert len(ids()) == COUNT + 1


OBELICS = {"images": [[b"png", None]], "texts": [[None, "a text"]], "metadata": ["{}"]}
LAION = {"URL": ["https://example.org/1.jpg"], "TEXT": ["a caption"]}


@pytest.mark.parametrize(
    ("columns", "source", "message"),
    [
        (
            OBELICS,
            {"kind": "parquet", "path": "a.parquet", "image": "images", "text": "texts"},
            "interleaved documents",
        ),
        (
            OBELICS,
            {"kind": "parquet", "path": "a.parquet", "text": "texts"},
            "remove `image:` and set `text_from: join`",
        ),
        (LAION, {"kind": "parquet", "path": "a.parquet", "image": "URL", "text": "TEXT"}, "with img2dataset"),
        (
            LAION,
            {"kind": "folder", "path": "", "table": "a.parquet", "image": "URL", "text": "TEXT"},
            r"holds addresses, such as 'https://example.org/1.jpg'.*does not download",
        ),
        (
            {"text_list": [["one", "two"]], "image_info": [[{"image_name": "a.png"}]]},
            {"kind": "jsonl", "path": "a.jsonl", "text": "text_list"},
            "interleaved documents",
        ),
    ],
)
def test_what_is_no_sample_is_refused_by_name(
    columns: dict[str, Any], source: dict[str, Any], message: str, tree: Any, prepared: Any, tmp_path: Path
) -> None:
    assert SECTIONS[NOT_READ].count("not for Triptych") == 2
    table = pa.table(columns)
    pq.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row, default=str) + "\n" for row in table.to_pylist()))
    source = source | {"name": "a", "path": f"{tmp_path}/{source['path']}".rstrip("/")}
    with pytest.raises(Refusal, match=message):
        prepared(tree(tmp_path / "out", sources=[source]))


def test_texts_of_interleaved_documents_can_be_read_alone(text_tree: Any, prepared: Any, tmp_path: Path) -> None:
    pq.write_table(
        pa.table(OBELICS | {"texts": [["first part", None, "second part"]], "images": [[None, b"png", None]]}),
        tmp_path / "a.parquet",
    )
    source = {"name": "a", "kind": "parquet", "path": f"{tmp_path}/a.parquet", "text": "texts", "text_from": "join"}
    prepared(text_tree(tmp_path / "out", sources=[source]))
    (segment,) = segments(tmp_path / "out")
    assert segment.text == "first part\nsecond part"
    assert segment.kind.modalities == (Modality.TEXT,)
