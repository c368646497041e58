"""`triptych init` on the layouts in which people keep corpora: the run file that it writes reads every row."""

import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from triptych.pipelines.preview.preview import preview
from triptych.pipelines.starting.start import start
from triptych.schemas.config.load import check
from triptych.schemas.config.run import RunConfig
from triptych.schemas.config.sources import Source
from triptych.schemas.errors import Refusal

QUICK = {
    "text": {"kind": "sentencepiece", "vocab_size": 350},
    "image": {"kind": "vq", "size": 16, "downsample": 4, "codes": 16, "steps": 2},
    "audio": {"kind": "rvq", "levels": 1, "codes": 16, "steps": 2},
}
LAYOUTS = [
    *("img2dataset", "hf_dict", "mp3_csv", "LibriSpeech", "LJSpeech-1.1", "cv-corpus-17.0", "nemo", "coco", "llava"),
    *("same_name", "fineweb", "lines", "books", "code"),
]


def config_of(text: str, **changes: Any) -> RunConfig:
    return check(RunConfig, yaml.safe_load(text) | changes, "run.yaml")


def place(source: Source) -> tuple[object, ...]:
    return source.kind, source.path, getattr(source, "table", None), source.modality


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_one_source_of_which_every_row_is_kept(
    layouts: Path, counts: dict[str, int], layout: str
) -> None:
    started = start([str(layouts / layout)], "triptych init", "run.yaml")
    assert len(started.sources) == 1
    assert started.sources[0][0] in (layout, "dev-clean", "en", "data", "package-py", "books-txt")
    facts = preview(config_of(started.text))
    (source,) = facts["sources"]
    assert source["head"]["kept"] == counts[layout], source
    assert source["head"]["dropped"] == {}
    assert source["exact"]


def test_one_run_over_all_layouts_reads_every_row(
    layouts: Path, counts: dict[str, int], prepared: Callable[[Any], Any], tmp_path: Path
) -> None:
    started = start([str(layouts / name) for name in LAYOUTS], "triptych init", "run.yaml")
    tree = yaml.safe_load(started.text) | {"out": str(tmp_path / "out"), "engine": {"kind": "serial"}}
    tree["tokenizers"] = QUICK
    manifest = prepared(tree)
    read = {tally.source: tally.rows_in for tally in manifest.ledger if tally.stage == "read"}
    assert list(read.values()) == [counts[name] for name in LAYOUTS]
    assert sum(source.samples for source in manifest.statistics.sources.values()) == sum(counts.values())


def test_the_folder_of_all_layouts_gives_the_same_sources(layouts: Path, counts: dict[str, int]) -> None:
    config = config_of(start([str(layouts)], "triptych init", "run.yaml").text)
    kept = [source["head"]["kept"] for source in preview(config)["sources"]]
    assert sorted(kept) == sorted(counts.values())
    alone = [config_of(start([str(layouts / name)], "triptych init", "run.yaml").text) for name in LAYOUTS]
    assert {place(source) for source in config.sources} == {place(each.sources[0]) for each in alone}


def test_the_run_file_does_not_depend_on_the_order_of_sets(layouts: Path) -> None:
    code = "import sys; from triptych.pipelines.starting.start import start; print(start(sys.argv[1:], '', 'f').text)"
    command = [sys.executable, "-c", code, str(layouts)]
    texts = {
        subprocess.check_output(command, env=os.environ | {"PYTHONHASHSEED": str(seed)}, text=True) for seed in range(4)
    }
    assert len(texts) == 1


def test_columns_that_lack_other_parts_of_names_are_not_of_one_source(layouts: Path, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    shutil.copytree(layouts / "cv-corpus-17.0", folder / "clips")
    shutil.copytree(layouts / "same_name", folder / "pictures")  # 2.png, which a column of counts seems to name
    tree = yaml.safe_load(start([str(folder)], "triptych init", "run.yaml").text)
    assert [source.get("image") for source in tree["sources"]] == [None, "png"]
    assert tree["sources"][0]["table"] == "validated.tsv"


def test_every_key_has_a_comment_and_the_file_says_how_to_go_on(layouts: Path) -> None:
    text = start([str(layouts)], "triptych init corpora", "my run.yaml").text
    lines = text.splitlines()
    assert "`triptych init corpora`" in lines[0]
    for command in ("--check", "--limit 100", "triptych prepare 'my run.yaml'"):
        assert command in "\n".join(lines[:8])
    for before, line in itertools.pairwise(lines):
        if line.strip() and not line.lstrip().startswith("#") and line not in ("sources:",):
            assert before.lstrip().startswith("#"), line
    assert max(map(len, lines)) <= 120


def test_other_splits_and_tables_are_named_but_not_read(layouts: Path) -> None:
    text = start([str(layouts / "fineweb"), str(layouts / "cv-corpus-17.0")], "triptych init", "run.yaml").text
    assert "test-00000.parquet" in text
    assert "invalidated.tsv" in text
    sources = {source["name"]: source for source in yaml.safe_load(text)["sources"]}
    assert sources["data"]["path"].endswith("data/train*.parquet")
    assert sources["en"]["table"] == "validated.tsv"


def test_files_are_taken_as_they_were_given(layouts: Path) -> None:
    one, two = (str(layouts / f"lines/{shard}.jsonl") for shard in range(2))
    (source,) = yaml.safe_load(start([one], "triptych init", "run.yaml").text)["sources"]
    assert source["path"] == one
    (source,) = yaml.safe_load(start([one, two], "triptych init", "run.yaml").text)["sources"]
    assert source["path"] == str(layouts / "lines/*.jsonl")


def test_a_folder_with_characters_of_globs_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "what [is] *this*"
    folder.mkdir()
    for part in range(2):
        (folder / f"{part}.jsonl").write_text('{"text": "some words of text"}\n')
    facts = preview(config_of(start([str(folder)], "triptych init", "run.yaml").text))
    assert facts["sources"][0]["rows"] == 2


def test_urls_are_looked_at_like_folders(layouts: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    for shard in range(2):
        memory.pipe_file(f"/init/lines/{shard}.jsonl", (layouts / f"lines/{shard}.jsonl").read_bytes())
    text = start(["memory://init/lines"], "triptych init", "run.yaml").text
    (source,) = preview(config_of(text))["sources"]
    assert (source["path"], source["head"]["kept"]) == ("memory://init/lines/*.jsonl", 12)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "is an empty folder"),
        ({"a.bin": b"\0"}, "nothing there can be a source.*a.bin"),
        ({"a.png": b"\x89PNG"}, "nothing there can be a source.*a.png"),
    ],
)
def test_what_holds_no_texts_is_refused(tmp_path: Path, files: dict[str, bytes], words: str) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(Refusal, match=words):
        start([str(tmp_path)], "triptych init", "run.yaml")


TEXTS = [{"text": f"text number {n} of a few", "license": "MIT"} for n in range(9)]


@pytest.mark.parametrize(
    ("name", "content", "records"),
    [
        ("a.json", json.dumps(TEXTS), None),
        ("a.json", json.dumps(TEXTS, indent=1), None),
        ("a.jsonl", json.dumps(TEXTS), None),
        ("a.jsonl", json.dumps(TEXTS, indent=1), None),
        ("a.json", json.dumps({"info": {}, "data": TEXTS}), "data"),
        ("a[1].json", json.dumps({"info": {}, "data": TEXTS}, indent=1), "data"),
        ("a.jsonl", json.dumps({"info": {}, "data": TEXTS}, indent=1), "data"),
    ],
)
def test_a_json_document_of_texts_is_a_table(tmp_path: Path, name: str, content: str, records: str | None) -> None:
    (tmp_path / name).write_text(content)
    config = config_of(start([str(tmp_path)], "triptych init", "run.yaml").text)
    (source,) = config.sources
    assert (source.kind, source.text, getattr(source, "records", None)) == ("folder", "text", records)
    assert preview(config)["sources"][0]["head"]["kept"] == len(TEXTS)


def write_tar(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def test_interleaved_documents_and_addresses_are_refused_by_name(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"images": [b"x", None], "texts": [None, "a text"], "metadata": "{}"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "obelics.parquet")
    with pytest.raises(Refusal, match="interleaved documents"):
        start([str(tmp_path / "obelics.parquet")], "triptych init", "run.yaml")
    mmc4 = {"text_list": ["one", None], "image_info": [{"image_name": "a.png"}]}
    for name, record in (("0.tar", rows[0] | {"images": ["a.png", None]}), ("1.tar", mmc4)):
        write_tar(tmp_path / name, {"0.json": json.dumps(record).encode(), "0.png": b"x", "1.json": b"[]"})
        with pytest.raises(
            Refusal, match=r"0.tar: holds interleaved documents|`text: text_list` and `text_from: join`"
        ):
            start([str(tmp_path / name)], "triptych init", "run.yaml")
    write_tar(tmp_path / "2.tar", {"0.json": json.dumps(mmc4).encode(), "0.png": b"x", "0.txt": b"a caption"})
    assert "text: txt" in start([str(tmp_path / "2.tar")], "triptych init", "run.yaml").text
    rows = [{"url": "https://example.org/1.jpg", "caption": "a red circle on white", "width": 5}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "addresses.parquet")
    with pytest.raises(Refusal, match=r"addresses of media in `url`.*img2dataset"):
        start([str(tmp_path / "addresses.parquet")], "triptych init", "run.yaml")
