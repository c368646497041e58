"""Text tables: each line is a row, unless quotes enclose a field; an unbalanced quote never swallows rows unnoticed."""

import pytest

from triptych.pipelines.sources.base import Drop
from triptych.pipelines.sources.delimited_table import ROWS, DelimitedTable, Dialect, Record
from triptych.schemas.config.table_format import FIRST_SPACE
from triptych.schemas.errors import Refusal

CSV, TABS = Dialect(",", quoted=True), Dialect("\t", quoted=False)


def read(text: str, dialect: Dialect, columns: list[str] | None = None, files: tuple[str, ...] = ()) -> list[object]:
    table = DelimitedTable(text.encode().splitlines(keepends=True), dialect, "t.csv", columns)
    return list(table.records(1000, files))


def test_a_quote_is_a_character_where_no_quotes_are_used() -> None:
    rows = read('file\ttext\n1.wav\t"open\n2.wav\tnext\n', TABS)
    assert rows == [
        Record(0, {"file": "1.wav", "text": '"open'}),
        Record(1, {"file": "2.wav", "text": "next"}),
    ]


def test_a_quoted_field_may_hold_delimiters_quotes_and_line_ends() -> None:
    rows = read('file,text\n1.wav,"a, ""b""\nc"\n2.wav,d\n', CSV)
    assert [row.values["text"] for row in rows if isinstance(row, Record)] == ['a, "b"\nc', "d"]


def test_an_unbalanced_quote_that_takes_rows_with_names_of_files_is_refused_with_its_line() -> None:
    with pytest.raises(Refusal, match=r"t\.csv, line 3: .*`quoting: none`"):
        read('file,text\n1.wav,a\n2.wav,"b\n3.wav,c\n4.wav,d"\n', CSV, files=("file",))


def test_lines_that_could_all_be_rows_are_refused_even_without_names_of_files() -> None:
    lines = "".join(f"{n},x\n" for n in range(ROWS))
    with pytest.raises(Refusal, match="line 2"):
        read(f'id,text\n0,"open\n{lines}9,end"\n', CSV)
    allowed = read(f'id,text\n0,"open\n{lines}9,end"\n', Dialect(",", quoted=True, given=True))
    assert len(allowed) == 1


def test_a_broken_record_is_dropped_alone_and_the_lines_after_it_are_read() -> None:
    rows = read('file,text\n1.wav,"a"b\n2.wav,c\n', CSV)
    assert isinstance(rows[0], Drop)
    assert (rows[0].row, rows[0].reason) == (0, "csv_invalid")
    assert rows[1:] == [Record(1, {"file": "2.wav", "text": "c"})]


def test_other_numbers_of_fields_and_long_lines_are_drops_and_blank_lines_count() -> None:
    lines = [b"a,b\n", b"1\n", b"\n", None, b"2,3\n"]
    rows = list(DelimitedTable(lines, Dialect(",", quoted=False), "t", None).records(100))
    assert [(row.row, row.reason) for row in rows if isinstance(row, Drop)] == [
        (0, "csv_invalid"),
        (2, "row_too_large"),
    ]
    assert rows[-1] == Record(3, {"a": "2", "b": "3"})


@pytest.mark.parametrize(("header", "row"), [("a,b", "1,2,"), ("a,b", "1,2,,"), ("a,b,", "1,2"), ("a,b,,", "1,2,")])
def test_a_delimiter_at_the_end_makes_no_column(header: str, row: str) -> None:
    (found,) = read(f"{header}\n{row}\n", CSV)
    assert isinstance(found, Record)
    assert (found.values["a"], found.values["b"]) == ("1", "2")


def test_a_field_beyond_the_columns_is_dropped_unless_it_is_empty() -> None:
    (found,) = read("a,b\n1,2,3\n", CSV)
    assert isinstance(found, Drop)
    assert found.detail == "3 fields under 2 columns"
    assert read("a,\n1,2\n", CSV) == [Record(0, {"a": "1", "": "2"})]


def test_byte_order_marks_of_files_that_were_joined_are_no_text() -> None:
    mark = "\ufeff"
    rows = read(f'{mark}a,b\n1,"x\n{mark}y"\n{mark}"2",z\n', CSV)
    assert rows == [Record(0, {"a": "1", "b": f"x\n{mark}y"}), Record(1, {"a": "2", "b": "z"})]


def test_the_first_space_divides_a_line_and_given_columns_need_no_header() -> None:
    rows = read("84-0001 TWO  WORDS\n", Dialect(FIRST_SPACE, quoted=False), ["file", "text"])
    assert rows == [Record(0, {"file": "84-0001", "text": "TWO  WORDS"})]


def test_a_table_without_lines_has_no_header() -> None:
    with pytest.raises(Refusal, match="no header line"):
        DelimitedTable([], CSV, "t.csv", None)
