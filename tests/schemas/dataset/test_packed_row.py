"""The schema of a shard is as narrow as its vocabulary and rows allow, and says which they are."""

import json

import numpy as np
import pyarrow as pa
import pytest

from triptych.schemas.dataset.packed_row import ROW_VERSION, SEGMENT, SPAN, row_schema, segment_dtype
from triptych.schemas.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("row_length", "name"),
    [(2, "uint8"), (511, "uint8"), (512, "uint16"), (131_071, "uint16"), (131_072, "uint32")],
)
def test_segments_of_two_tokens_can_fill_a_row(row_length: int, name: str) -> None:
    assert segment_dtype(row_length) == np.dtype(name)
    assert np.iinfo(segment_dtype(row_length)).max >= row_length // 2


@pytest.mark.parametrize(("text", "width"), [(65536 - 256, pa.uint16()), (65536 - 255, pa.uint32())])
def test_tokens_are_as_wide_as_the_last_id(text: int, width: pa.DataType) -> None:
    schema = row_schema(Vocabulary(text=text), 512, {})
    assert schema.names == ["tokens", "segment", "modality", "segments", "spans"]
    types = [schema.field(name).type.value_type for name in ("tokens", "segment", "modality")]
    assert types == [width, pa.uint16(), pa.uint8()]
    assert {schema.field(name).type.list_size for name in ("tokens", "segment", "modality")} == {512}
    assert [schema.field(name).type.value_type for name in ("segments", "spans")] == [SEGMENT, SPAN]
    assert not any(field.nullable for field in schema)


def test_the_metadata_gives_back_the_vocabulary() -> None:
    vocabulary = Vocabulary(text=300, image=16, audio=(8, 8), tokenizers={"text": "aa"})
    contract = json.loads(row_schema(vocabulary, 64, {"seed": 7}).metadata[b"triptych"])
    assert Vocabulary.model_validate(contract["vocabulary"]) == vocabulary
    assert contract["vocabulary_fingerprint"] == vocabulary.fingerprint
    assert (contract["row_version"], contract["row_length"], contract["seed"]) == (ROW_VERSION, 64, 7)


def test_a_column_is_a_matrix_over_the_same_memory() -> None:
    schema = row_schema(Vocabulary(text=300), 4, {})
    tokens = np.arange(8, dtype=np.uint16)
    column = pa.FixedSizeListArray.from_arrays(pa.array(tokens), type=schema.field("tokens").type)
    matrix = column.values.to_numpy(zero_copy_only=True).reshape(-1, 4)
    assert matrix.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert np.shares_memory(matrix, tokens)
