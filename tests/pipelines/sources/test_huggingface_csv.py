"""Words that pandas takes for missing are words in the columns of text and licence."""

from pathlib import Path

import pandas as pd
import pytest

from triptych.pipelines.sources.huggingface_csv import read_words, words_as_they_are
from triptych.schemas.config.sources import DatasetsSource
from triptych.schemas.errors import Refusal

SOURCE = DatasetsSource(name="src", kind="datasets", path="csv", text="text", license="terms")


def test_only_texts_and_licences_are_read_as_words(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,terms,n,word\nnull,NA,1,NA\n007,,NA,x\n")
    table = pd.read_csv(path, **words_as_they_are(SOURCE, [str(path)]))
    assert table["text"].tolist() == ["null", "007"]
    assert table["terms"].tolist()[0] == "NA"
    assert table["terms"].isna().tolist() == [False, True]
    assert table["n"].isna().tolist() == [False, True]
    assert table["word"].isna().tolist() == [True, False]


def test_a_header_that_has_a_column_twice_is_refused_if_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text|n|n\na|1|2\n")
    assert words_as_they_are(SOURCE, [str(path)], sep="|")["converters"] == {"text": str}
    path.write_text("text|n|text\na|1|2\n")
    with pytest.raises(Refusal, match=r"a\.csv has two columns named 'text'"):
        words_as_they_are(SOURCE, [str(path)], sep="|")


def test_a_table_without_rows_or_header_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_text("file_name,text\n")
    assert list(read_words(SOURCE, str(path))) == []
    path.write_text("")
    assert words_as_they_are(SOURCE, [str(path)])["converters"] == {}
    path.write_text("file_name,text\na.png,nan\n")
    (table,) = read_words(SOURCE, str(path))
    assert table.to_pylist() == [{"file_name": "a.png", "text": "nan"}]
