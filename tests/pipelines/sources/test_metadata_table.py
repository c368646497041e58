"""The table of a folder is read record by record; a bad one is dropped under its number, and the rest go on."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.pipelines.sources.base import Drop
from triptych.pipelines.sources.metadata_table import MetadataTable
from triptych.schemas.config.sources import FolderSource
from triptych.schemas.errors import Refusal

TEXT = {"text": "text"}
BOTH = {"image": "file", "text": "text"}


def read(path: Path, data: bytes | None, longest: int = 40, **keys: Any) -> list[tuple[int, object]]:
    """Number of each record, with its values or its reason."""
    if data is not None:
        path.write_bytes(data)
    source = FolderSource(**{"name": "src", "kind": "folder", "path": str(path.parent), **BOTH, **keys})
    found = MetadataTable(source, str(path), path.name, longest).records()
    return [(each.row, each.reason) if isinstance(each, Drop) else (each.number, each.values) for each in found]


def texts(path: Path, data: bytes | None, **keys: Any) -> list[str]:
    rows = read(path, data, **{"longest": 1000, **keys})
    return [values["text"] if isinstance(values, dict) else str(values) for _, values in rows]


def refusal(path: Path, data: bytes | None, **keys: Any) -> str:
    with pytest.raises(Refusal) as refused:
        read(path, data, **{"longest": 1000, **keys})
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_csv_with_quotes_blank_lines_and_bad_rows(tmp_path: Path) -> None:
    data = b'file,text\na.png,"one, ""two""\nthree"\n\nb.png\nc.png,caf\xe9\nd.png,' + b"x" * 50 + b"\ne.png,last"
    assert read(tmp_path / "metadata.csv", data) == [
        (0, {"file": "a.png", "text": 'one, "two"\nthree'}),
        (2, "csv_invalid"),
        (3, {"file": "c.png", "text": "caf\udce9"}),
        (4, "row_too_large"),
        (5, {"file": "e.png", "text": "last"}),
    ]


def test_a_tsv_is_divided_by_tabs_and_needs_a_header(tmp_path: Path) -> None:
    assert read(tmp_path / "metadata.tsv", b"file\ttext\na,b\tc\n") == [(0, {"file": "a,b", "text": "c"})]
    for data in (b"", b"\n"):
        assert "metadata.tsv: has no header line" in refusal(tmp_path / "metadata.tsv", data)


def test_quotes_in_a_tsv_are_characters(tmp_path: Path) -> None:
    words = ['"open', 'close"', '"both"', 'in"side', '""', '"']
    data = "file\ttext\n" + "".join(f"{n}.png\t{word}\n" for n, word in enumerate(words))
    assert texts(tmp_path / "a.tsv", data.encode()) == words
    assert texts(tmp_path / "a.csv", data.replace("\t", ",").encode(), quoting="none") == words
    assert texts(tmp_path / "a.tsv", b'file\ttext\na.png\t"x\ty ""z"""\n', quoting="csv") == ['x\ty "z"']


def test_delimiters_and_names_of_columns(tmp_path: Path) -> None:
    data = b'LJ001|Printing, 1|"Printing", one\nLJ002|in|in\n'
    keys: dict[str, Any] = {"delimiter": "|", "quoting": "none", "columns": ("file", "raw", "text")}
    assert texts(tmp_path / "metadata.csv", data, **keys) == ['"Printing", one', "in"]
    libri = b"84-121-0000 GO  DO YOU HEAR\r\n\r\n84-121-0001  BUT\n84-121-0002\n"
    keys = {"delimiter": "first_space", "columns": ("file", "text")}
    assert read(tmp_path / "84-121.trans.txt", libri, **keys) == [
        (0, {"file": "84-121-0000", "text": "GO  DO YOU HEAR"}),
        (2, {"file": "84-121-0001", "text": "BUT"}),
        (3, "csv_invalid"),
    ]
    assert texts(tmp_path / "a.csv", b"file;text\na;b,c\n", delimiter=";") == ["b,c"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"delimiter": "||"}, "must be one character"),
        ({"delimiter": '"'}, "must be one character"),
        ({"delimiter": ""}, "must be one character"),
        ({"delimiter": "first_space"}, "needs `columns:` with two names"),
        ({"delimiter": "first_space", "columns": ["a", "b"], "quoting": "csv"}, "has no quotes"),
        ({"columns": ["a", "a"]}, "names 'a' twice"),
        ({"columns": []}, "columns"),
        ({"quoting": "all"}, "quoting"),
    ],
)
def test_keys_that_do_not_fit_are_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FolderSource(**{"name": "src", "kind": "folder", "path": "x", **TEXT, **keys})


ROWS = [f"{n}.wav,words {n}" for n in range(40)]


def test_a_quote_that_takes_in_other_rows_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    never = ["file,text", *ROWS[:3], '3.wav,"never closed', *ROWS[4:]]
    said = refusal(path, "\n".join(never).encode())
    assert "a.csv, line 5: a quote opens a field that does not end" in said
    assert "`quoting: none`" in said
    assert texts(path, "\n".join(never).encode(), quoting="none")[3] == '"never closed'
    later = ["file,text", '0.wav,"a ""fine""', 'field"', '1.wav,"open', ROWS[2], '3.wav,closed"', *ROWS[4:]]
    assert "a.csv, line 4: a quote opens a field that goes on for 2 more lines" in refusal(
        path, "\r\n".join(later).encode()
    )
    junk = ["file,text", '0.wav,"open', *ROWS[1:4], '4.wav,"closed', *ROWS[5:]]
    assert "a.csv, line 2: a quote opens" in refusal(path, "\n".join(junk).encode())
    plain = ["text,label", '"open,1', *["words,2"] * 5, 'end",1']
    assert "a.csv, line 2" in refusal(path, "\n".join(plain).encode(), image=None)
    long = "file,text\na.wav," + '"' + "line\n" * 1000 + '"\n'
    assert "goes on for 1000 more lines" in refusal(path, long.encode(), longest=10_000)
    assert texts(path, long.encode(), quoting="csv", longest=10_000) == ["line\n" * 1000]


def test_a_field_of_several_lines_is_no_unbalanced_quote(tmp_path: Path) -> None:
    verses = "Tyger Tyger, burning bright,\nIn the forests, of the night;\nsee a, picture of it\n\n" * 20
    data = f'file,text\na.png,"{verses}"\nb.png,end\n'
    assert texts(tmp_path / "a.csv", data.encode(), longest=10_000) == [verses, "end"]


def test_a_short_unbalanced_quote_costs_its_own_row_alone(tmp_path: Path) -> None:
    data = b'file,text\na.png,"open\nb.png,two\nc.png,"x" y\nd.png,"never\ne.png,five'
    assert [(n, v if isinstance(v, str) else v["text"]) for n, v in read(tmp_path / "a.csv", data)] == [  # type: ignore[index]
        (0, "csv_invalid"),
        (1, "two"),
        (2, "csv_invalid"),
        (3, "csv_invalid"),
        (4, "five"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_encodings_with_a_mark_and_line_ends_read_alike(tmp_path: Path, name: str, ending: str, encoding: str) -> None:
    rows = {
        "a.csv": ["file,text", 'a.png,"é ""1"""', "", "b.png,日本"],
        "a.tsv": ["file\ttext", 'a.png\té "1"', "", "b.png\t日本"],
        "a.jsonl": ['{"file":"a.png","text":"é \\"1\\""}', "", '{"file":"b.png","text":"日本"}', ""],
    }[name]
    if name == "a.jsonl" and ending == "\r":
        rows.remove("")  # a return may stand between values, too
    text = ending.join(rows)
    data = text.encode(encoding) if encoding != "utf-16-be" else b"\xfe\xff" + text.encode(encoding)
    assert texts(tmp_path / name, data) == ['é "1"', "日本"]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    assert "a.csv is UTF-16 without a byte order mark" in refusal(path, "file,text\na.png,b\n".encode("utf-16-le"))
    cut = "file,text\na.png,b\nc.png,d\n".encode("utf-16")[:-1]
    assert read(path, cut)[-1] == (-1, "file_truncated")
    lone = b"\xff\xfe" + "file,text\na.png,".encode("utf-16-le") + b"\x00\xd8" + "\nb.png,c\n".encode("utf-16-le")
    (first, second) = texts(path, lone)
    assert second == "c"
    with pytest.raises(UnicodeEncodeError):
        first.encode()
    assert texts(path, b"file,text\na.png,b\0c\n") == ["b\0c"]


def workbook() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("t.xlsx", workbook(), "t.xlsx is a zip file or an Excel workbook. Unpack it, or save its table as CSV."),
        ("t.csv", workbook(), "is a zip file or an Excel workbook"),
        ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "is an Excel workbook"),
        ("t.db", b"SQLite format 3\0" + b"\0" * 500, "is an SQLite database"),
        ("t.csv", b"ARROW1\0\0" + b"\0" * 500, "is an Arrow file"),
        ("t.json", b'{\n  "images": []\n}', "t.json is neither JSON lines nor a JSON list"),
        ("t.csv", b"name,words\na,b\n", "`sources.src.text` is 'text': t.csv has no such column. Use one of: name"),
        ("t.csv", b"name,words\n", "no such column"),
        ("t.csv", b"file,text,n,text\n", "`sources.src.text` is 'text': t.csv has two columns named 'text'"),
        ("t.csv", b"\xef\xbb\xbffile, text ,text\n", "two columns named 'text'"),
        ("t.tsv", b"\xef\xbb\xbffile\tfile\ttext\n", "two columns named 'file'"),
        ("t.csv", b"caf\xe9,words\n", "Use one of: caf\\udce9, words."),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_by_name(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    assert said in refusal(tmp_path / name, data)


def test_columns_that_are_not_used_may_have_one_name(tmp_path: Path) -> None:
    assert texts(tmp_path / "a.csv", b"file,n,n,text,,\na.png,1,2,b,,\n") == ["b"]


def test_jsonl_with_blank_lines_and_bad_rows(tmp_path: Path) -> None:
    data = b'{"a": 1}\n\n[1]\n{"a": \n{"a": "\xff"}\n{"a": "' + b"x" * 50 + b'"}\n{"a": 2}'
    wanted = [
        (0, {"a": 1}),
        (2, "json_invalid"),
        (3, "json_invalid"),
        (4, "utf8_invalid"),
        (5, "row_too_large"),
        (6, {"a": 2}),
    ]
    for name in ("metadata.jsonl", "manifest.json", "a.ndjson"):  # manifests of NeMo are lines named .json
        assert read(tmp_path / name, data) == wanted
    assert "`sources.src.delimiter` is for tables of text; a.jsonl is JSON lines" in refusal(
        tmp_path / "a.jsonl", data, delimiter="|"
    )


def test_json_lines_with_a_key_twice_are_dropped_only_if_it_is_used(tmp_path: Path) -> None:
    data = b'{"text":"a","n":1,"n":2}\n{"text":"a","text":"b"}\n\xef\xbb\xbf{"text":"c","n":{"text":1,"text":2}}\n'
    assert read(tmp_path / "a.jsonl", data, longest=100) == [
        (0, {"text": "a", "n": 2}),
        (1, "json_invalid"),
        (2, {"text": "c", "n": {"text": 2}}),
    ]


def test_a_truncated_table_is_read_up_to_the_damage(tmp_path: Path) -> None:
    lines = b"".join(b'{"a": %d}\n' % (i * i) for i in range(1000))
    *rows, last = read(tmp_path / "metadata.jsonl.gz", gzip.compress(lines, mtime=0)[:-500])
    assert last == (-1, "file_truncated")
    assert 100 < len(rows) < 1000
    assert rows[:100] == [(i, {"a": i * i}) for i in range(100)]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
def test_a_table_in_parquet(tmp_path: Path, kind: pa.DataType) -> None:
    words = pa.array(["one", "zwei", None]).cast(kind)
    table = pa.table({"file": ["a.png", "b.png", "c.png"], "text": words, "n": [1, 2, 3]})
    for name in ("metadata.parquet", "table.csv"):  # told by its first bytes
        pq.write_table(table, tmp_path / name)
        assert read(tmp_path / name, None) == [
            (0, {"file": "a.png", "text": "one"}),
            (1, {"file": "b.png", "text": "zwei"}),
            (2, {"file": "c.png", "text": None}),
        ]


def test_a_parquet_table_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "metadata.parquet"
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"]), pa.array(["c"])], ["file", "text", "text"])
    pq.write_table(twice, path)
    assert "metadata.parquet has two columns named 'text'" in refusal(path, None)
    pq.write_table(pa.table({"file": ["a"], "text": [1]}), path)
    assert "the column 'text' holds whole numbers (int64), but must hold strings" in refusal(path, None)
    pq.write_table(pa.table({"file": [{"bytes": b"x"}], "text": ["a"]}), path)
    assert "for media in the table use `kind: parquet`" in refusal(path, None)
    assert "is for tables of text" in refusal(path, None, columns=("file", "text"))
    assert read(path, b"PAR1 and no more") == [(-1, "file_unreadable")]
    pq.write_table(pa.table({"file": ["a"], "text": ["b"]}), path)
    assert "has no such column. Use one of: file, text." in refusal(path, None, image="name")


field = st.text(st.characters(exclude_characters='\t\r\n"', exclude_categories=["Cs"]), max_size=5)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(field, field.map(lambda text: text.replace("x", '"'))), max_size=8), st.booleans())
def test_every_line_of_a_tsv_is_one_record(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], ending: bool
) -> None:
    lines = ["file\ttext", *(f"{name}\t{text}" for name, text in rows)]
    data = "\n".join(lines) + "\n" * ending
    got = read(tmp_path_factory.mktemp("t") / "a.tsv", data.encode(), longest=1000)
    assert got == [(n, {"file": name, "text": text}) for n, (name, text) in enumerate(rows)]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text(st.sampled_from('a,"'), max_size=6), max_size=12))
def test_any_csv_ends_in_records_and_drops_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    path = tmp_path_factory.mktemp("t") / "a.csv"
    data = "\n".join(["file,text", *lines, ""]).encode()
    plain = read(path, data, longest=1000, quoting="none")
    assert [number for number, _ in plain] == [number for number, line in enumerate(lines) if line]
    try:
        got = read(path, data, longest=1000)
    except Refusal:
        return
    numbers = [number for number, _ in got]
    assert numbers == sorted(set(numbers))
    if not any('"' in line for line in lines):
        assert got == plain
