"""The tables between stages name a row in one way, and codes have the narrowest type that holds them."""

import pyarrow as pa
import pytest

from triptych.schemas.dataset.tables import DROPPED, ORIGIN, RAW, code_type, sample_schema


@pytest.mark.parametrize(("size", "bits"), [(0, 16), (256, 16), (65536, 16), (65537, 32), (200_000, 32)])
def test_every_code_of_a_codebook_fits_its_type(size: int, bits: int) -> None:
    kind = code_type(size)
    assert kind.value_type.bit_width == bits
    codes = pa.array([[0, max(size - 1, 0)], [], None], kind)
    assert codes.to_pylist() == [[0, max(size - 1, 0)], [], None]


def test_a_wide_codebook_widens_its_own_modality_only() -> None:
    sizes = {"text": 70_000, "audio": 1024}
    widths = {name: sample_schema(sizes).field(name).type.value_type.bit_width for name in ("text", "image", "audio")}
    assert widths == {"text": 32, "image": 16, "audio": 16}
    assert sample_schema(sizes).names == sample_schema({}).names


def test_every_table_knows_where_a_row_came_from() -> None:
    origin = [field.name for field in ORIGIN]
    assert RAW.names[: len(origin)] == sample_schema({}).names[: len(origin)] == origin
    for schema in (RAW, DROPPED, sample_schema({})):
        for name in ("source", "file", "row"):
            assert not schema.field(name).nullable
            assert schema.field(name).type == RAW.field(name).type


def test_a_sample_may_lack_a_modality_but_not_its_sizes() -> None:
    row = {"id": b"0" * 16, "source": "a", "kind": "text", "file": "f", "row": 0, "license": None, "text": [1, 2]}
    row |= {"content": b"1" * 16, "media": None}
    row |= {"image": None, "audio": None, "text_bytes": 2, "pixels": 0, "samples": 0}
    table = pa.Table.from_pylist([row], sample_schema({}))
    table.validate(full=True)
    assert table.to_pylist() == [{name: row[name] for name in table.schema.names}]
    optional = {field.name for field in sample_schema({}) if field.nullable}
    assert optional == {"license", "media", "text", "image", "audio"}
