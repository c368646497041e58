"""What becomes of a line never depends on its neighbours: the fast parser agrees with the slow one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.pipelines.sources.json_block import JsonBlocks
from triptych.pipelines.sources.jsonl import _count_lines, _fast, whole_lines

from .conftest import Read
from .json_lines import config, lines_of

keys = st.sampled_from(["text", "b", "n", "te\x00xt"])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


objects = st.dictionaries(keys, st.text() | values, max_size=3) | st.fixed_dictionaries({"text": st.text()})


good = st.builds(
    lambda value, ascii_, gap: json.dumps(value, ensure_ascii=ascii_, separators=(gap, ":" + gap.strip(","))),
    objects,
    st.booleans(),
    st.sampled_from([",", ", ", ",\r"]),
).map(lambda text: text.encode(errors="surrogatepass"))


odd = st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"")) | st.sampled_from(
    [
        *(b"", b" ", b"\r", b"{}", b'{"text":"a"} ', b'{"text":"a","text":"b"}', b'{"te\\u0078t":"a"}', b'{"text":-}'),
        *(b'{"text":"a"}{"text":', b'"b"}', b'{"text":"a","b":{}', b'{"text":"a","b":{"n":', b'"text":"b"}}'),
        *(b'{"text":"\\udc00"}', b'{"text":"\\ud83d\\ude00"}', b'{"text":"\\u0000"}', b'{"text":NaN}'),
    ]
)


@settings(deadline=None, max_examples=400)
@given(st.lists(good, max_size=6) | st.lists(good | odd, max_size=6), st.booleans(), st.sampled_from([b"\n", b"\r\n"]))
def test_the_fast_way_agrees_with_the_slow_way_or_abstains(lines: list[bytes], ending: bool, newline: bytes) -> None:
    block = newline.join(lines) + newline * ending
    if not block:
        return
    lines_ = _count_lines(block)
    for fields in ({"text": ("text",)}, {"text": ("b", "text")}, {"text": ("text",), "license": ("b", "text")}):
        [slow] = JsonBlocks(fields, 1 << 20, None, 10).parse(block, 0)
        fast = _fast(block, lines_, fields)
        if fast is not None:
            assert not slow.drops
            assert slow.table["row"].to_pylist() == list(range(lines_))
            assert slow.table.drop_columns("row").to_pydict() == {name: fast[name].to_pylist() for name in fields}


def test_the_fast_way_is_taken_for_ordinary_files() -> None:
    block = lines_of(100)
    fields = {"text": ("text",), "license": ("license",)}
    assert _fast(block, 100, fields) is not None
    assert _fast(block.replace(b"\n", b"\r\n"), 100, fields) is not None
    assert _fast(block[:-1], 100, fields) is not None


deep = st.integers(250, 3000).map(lambda depth: b'{"text":"a","n":' + b"[" * depth + b"]" * depth + b"}")


awkward = st.sampled_from(
    [
        *(
            b'{"text":"a","n":%s}' % number
            for number in (b"7" * 5000, b"-" + b"7" * 4300, b"1e999999", b"NaN", b"-Infinity")
        ),
        *(b'{"text":%s}' % value for value in (b"7" * 5000, b"1e999999", b"NaN", b"null", b'"\\u0000"', b'"\\ud800"')),
        *(b'{"text":"a","n":"\\udc00"}', b'{"text":"a","n":1,"n":2}', b'{"text":"a","text":null}', b'{"n":{"text":1}}'),
        *(b"\xef\xbb\xbf{}", b'\xef\xbb\xbf{"text":"a"}', b"\xef\xbb\xbf", b'{"text":"a"}\0', b'{"text":"\0"}', b"\0"),
        *(
            b'{"text":"a","n":' + b"[" * 300 + b"}",
            b'{"text":' + b"[" * 300 + b"]" * 300 + b"}",
            b'{"text":"a","n":"\xff"}',
        ),
        b'{"text":"a","n":"' + b"[" * 300 + b'"}',
    ]
)


of_text = st.lists(good | odd.filter(lambda line: line[:1] not in (b"\xff", b"\xfe")) | awkward | deep, max_size=6)


@settings(deadline=None, max_examples=100)
@given(of_text, st.sampled_from([b"\n", b"\r\n"]))
def test_a_file_reads_as_each_of_its_lines_alone(
    read: Callable[..., Read], tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], newline: bytes
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    path = folder / "all.jsonl"
    for spec in ({"text": "text"}, {"text": "b;text", "license": "n"}):

        def result(data: bytes, spec: dict[str, str] = spec) -> tuple[list[Any], list[Any]]:
            path.write_bytes(data)
            got = read(**config(path, **spec))
            return [{**row, "row": 0} for row in got.rows], [(drop.reason, drop.detail) for drop in got.drops]

        rows, drops = result(b"".join(line + newline for line in lines))
        alone = [result(line + newline) for line in lines]
        assert rows == [row for kept, _ in alone for row in kept]
        assert drops == [drop for _, dropped in alone for drop in dropped]


def test_values_that_python_cannot_parse_do_not_cost_a_line_that_does_not_use_them(
    tmp_path: Path, read: Callable[..., Read]
) -> None:
    path = tmp_path / "a.jsonl"
    unused = [b"7" * 5000, b"[" * 5000 + b"]" * 5000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b"1e999999", b'"\\ud800"']
    lines = [b'{"text":"%d","n":%s}' % (n, value) for n, value in enumerate(unused)]
    for ending in (b"", b"\n\n"):  # a blank line sends the block to the slow parser
        path.write_bytes(b"\n".join(lines) + ending)
        got = read(**config(path))
        assert got.column("text") == [str(n) for n in range(len(unused))]
    path.write_bytes(b"\n".join(line.replace(b'"n"', b'"text"') for line in lines))
    assert got.drops == []
    assert set(read(**config(path)).reasons.values()) == {"json_invalid"}  # the key twice


@settings(deadline=None)
@given(st.lists(st.binary(max_size=9).map(lambda b: b.replace(b"\xef", b"")), max_size=12), st.integers(1, 20))
def test_blocks_are_cut_at_lines_and_long_lines_are_marked(blocks: list[bytes], longest: int) -> None:
    data = b"".join(blocks)
    lines = data.split(b"\n")[: _count_lines(data) if data else 0]
    seen: list[bytes | None] = []
    for block in whole_lines(blocks, longest):
        seen += [None] if block is None else block.split(b"\n")[: _count_lines(block)]
    assert len(seen) == len(lines)
    for got, line in zip(seen, lines, strict=True):
        assert got == line or (got is None and len(line) + 1 > longest)
