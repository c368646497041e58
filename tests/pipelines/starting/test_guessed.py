"""Paths that find some files and no others."""

from triptych.pipelines.starting.guessed import glob_of, paths_of, shared_folder, split_of
from triptych.pipelines.starting.listing import Listing, extension, stem
from triptych.pipelines.starting.run_file import clean_name
from triptych.pipelines.starting.sizes import row_length_of, vocabulary_of


def test_a_glob_finds_exactly_the_files() -> None:
    listing = Listing("root", ("a/1.txt", "a/2.txt", "b/1.txt", "b/x.md", "c.txt"))
    assert paths_of(listing, ["a/1.txt", "a/2.txt"]) == {"root/a/*.txt": ("a/1.txt", "a/2.txt")}
    assert list(paths_of(listing, ["a/1.txt", "a/2.txt", "b/1.txt", "c.txt"])) == ["root/**/*.txt"]
    assert list(paths_of(listing, ["a/1.txt", "a/2.txt", "b/1.txt"])) == ["root/a/*.txt", "root/b/1.txt"]
    assert list(paths_of(listing, ["a/1.txt", "b/1.txt"])) == ["root/a/1.txt", "root/b/1.txt"]
    assert list(paths_of(Listing("r[1]", ("a.txt", "b.txt")), ["a.txt", "b.txt"])) == ["r[[]1]/*.txt"]
    assert list(paths_of(Listing(".", ("a.txt", "b.txt")), ["a.txt", "b.txt"])) == ["./*.txt"]


def test_globs_keep_the_split_and_the_whole_ending() -> None:
    assert glob_of(["d/train-0.jsonl.gz", "d/train-1.jsonl.gz"]) == ("d", "train*.jsonl.gz")
    assert glob_of(["d/x/1-1.trans.txt", "d/y/2-2.trans.txt"]) == ("d", "**/*.trans.txt")
    assert [split_of(name) for name in ("train-0.parquet", "test/0.parquet", "trained.txt", "a.txt")] == [
        *("train", "test"),
        *("", ""),
    ]


def test_names() -> None:
    assert [extension(name) for name in ("a.JSONL.gz", "a.tgz", "a", "b.tar.zst")] == ["jsonl", "tar", "", "tar"]
    assert stem("a.b/c.d.jpg") == "a.b/c.d"
    assert shared_folder("a/b", "a/c") == "a"
    assert [clean_name(text) for text in ("my data", "LJSpeech-1.1", "list.csv", "…", "_x")] == [
        *("my-data", "LJSpeech-1.1", "list"),
        *("data", "x"),
    ]


def test_sizes_grow_with_clips_and_texts() -> None:
    assert row_length_of(0.0)[0] == row_length_of(10.0)[0] == 4096
    assert row_length_of(35.0)[0] == 16384
    assert row_length_of(10_000.0)[0] == 65535
    assert [vocabulary_of(size)[0] for size in (0, 1e5, 1e6, 1e7, 1e10)] == [300, 500, 4000, 8000, 32000]
