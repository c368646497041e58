"""Small valid files of every reader, and what a mutated one looks like, by a seed."""

import csv
import io
import json
import random
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .mutations import BINARY, COMPRESS, TEXT, compress, mutate

WORDS = (
    "ka",
    "lomi",
    "ren ta",
    "né",
    "vor",
    "语言",
    "😀",
    "a,b",
    'say "so"',
    "it's",
    "tab\there",
    "l1\nl2",
    "",
    " ",
    "x",
)
LONG = 1 << 13  # characters; some rows are longer than the smallest partition


@dataclass
class Input:
    """Files of a source, and its keys without `path`."""

    files: dict[str, bytes]
    path: str  # below the folder of the files
    source: dict[str, Any]
    main: str  # the file that is mutated, and counted


def text(draw: random.Random) -> str:
    """A short text, seldom a long one."""
    count = LONG // 4 if draw.random() < 0.01 else draw.randint(0, 6)
    return " ".join(draw.choice(WORDS) for _ in range(count))


def _record(draw: random.Random) -> dict[str, Any]:
    record: dict[str, Any] = {"text": text(draw)}
    if draw.random() < 0.6:
        values = (draw.randint(-9, 9), draw.random(), None, True, text(draw), [1, {"a": 2}], {"b": [None]}, 1 << 60)
        record["n"] = draw.choice(values)
    if draw.random() < 0.2:
        record["text"] = draw.choice((None, 3, ["a", "b"], {"text": "x"}, "\ud800", "\0", "ok"))
    if draw.random() < 0.1:
        del record["text"]
    items = list(record.items())
    draw.shuffle(items)
    return dict(items)


def _records(draw: random.Random) -> list[dict[str, Any]]:
    if draw.random() < 0.4:  # of one shape, as most files are: the fast parser takes these alone
        values: Callable[[], Any] = draw.choice((lambda: 1, lambda: 0.5, lambda: "x", lambda: None, lambda: True))
        return [{"text": text(draw), "n": values()} for _ in range(draw.randint(1, 12))]
    return [_record(draw) for _ in range(draw.randint(0, 12))]


def _json(draw: random.Random, value: Any) -> str:
    return json.dumps(value, ensure_ascii=draw.random() < 0.5 or "\ud800" in str(value))


def _keys(draw: random.Random, **keys: Any) -> dict[str, Any]:
    return keys | ({"keep": ["n"]} if draw.random() < 0.3 else {})


def jsonl(draw: random.Random) -> Input:
    """JSON lines."""
    body = "".join(_json(draw, record) + "\n" for record in _records(draw))
    return _text_file(draw, "a.jsonl", body, _keys(draw, kind="jsonl", text="text"))


def table(draw: random.Random) -> Input:
    """A table of a folder, with commas, tabs or bars, with quotes or without, with a header or without."""
    ending, delimiter, quoting = draw.choice(
        (
            (".csv", ",", "csv"),
            (".csv", ",", "csv"),
            (".tsv", "\t", "none"),
            (".txt", "|", "none"),
            (".csv", ";", "csv"),
        )
    )
    rows = [[f"{draw.randint(0, 99)}.jpg", text(draw), str(draw.randint(0, 9))] for _ in range(draw.randint(0, 12))]
    source: dict[str, Any] = {"kind": "folder", "text": "text", "table": f"t{ending}"}
    header = ["file", "text", "n"]
    if draw.random() < 0.8:
        rows.insert(0, header)
    else:
        source["columns"] = header
    if (ending, delimiter) not in ((".csv", ","), (".tsv", "\t")):
        source |= {"delimiter": delimiter, "quoting": quoting}
    elif draw.random() < 0.3:
        source["quoting"] = quoting
    if quoting == "none":
        body = "".join(delimiter.join(c.replace("\n", " ").replace(delimiter, " ") for c in r) + "\n" for r in rows)
    else:
        sink = io.StringIO()
        csv.writer(sink, delimiter=delimiter, lineterminator=draw.choice(("\n", "\r\n"))).writerows(rows)
        body = sink.getvalue()
    found = _text_file(draw, f"t{ending}", body, _keys(draw, **source))
    return Input(found.files, "", found.source | {"table": found.main}, found.main)


def json_table(draw: random.Random) -> Input:
    """A list of records in JSON, or an object that holds one."""
    records: Any = _records(draw)
    source = _keys(draw, kind="folder", text="text", table="t.json")
    if draw.random() < 0.4:
        source["records"] = "rows"
        records = {"info": {"rows": [1]}, "other": [{"text": "no"}], "rows": records, "after": ["rows", {"x": []}]}
    indent = draw.choice((None, None, 1, 2))
    body = json.dumps(records, indent=indent, ensure_ascii=True)
    found = _text_file(draw, "t.json", body, source)
    return Input(found.files, "", found.source | {"table": found.main}, found.main)


def _text_file(draw: random.Random, name: str, body: str, source: dict[str, Any]) -> Input:
    data = body.encode(errors="surrogatepass")
    if draw.random() < 0.85:
        data = mutate(draw, data, TEXT)
    name, data = _packed(draw, name, data)
    return Input({name: data}, name, source, name)


def _packed(draw: random.Random, name: str, data: bytes) -> tuple[str, bytes]:
    if draw.random() < 0.3:
        data, ending = compress(draw, data)
        name += ending
        if draw.random() < 0.4:
            data = mutate(draw, data, BINARY)
    elif draw.random() < 0.05:
        name += draw.choice(tuple(COMPRESS))
    return name, data


def files(draw: random.Random) -> Input:
    """Whole files as texts."""
    found: dict[str, bytes] = {}
    for number in range(draw.randint(1, 5)):
        data = "\n".join(text(draw) for _ in range(draw.randint(0, 4))).encode()
        if draw.random() < 0.5:
            data = mutate(draw, data, TEXT)
        name, data = _packed(draw, f"{draw.choice(('', 'sub/'))}{number}.txt", data)
        found[name] = data
    source: dict[str, Any] = {"kind": "files"}
    if draw.random() < 0.2:
        source["encoding"] = draw.choice(("latin-1", "utf-16", "cp1252", "utf-8", "shift_jis"))
    return Input(found, "**/*", source, "")


def tar(draw: random.Random) -> Input:
    """A WebDataset tar."""
    sink = io.BytesIO()
    form = draw.choice((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))
    with tarfile.open(fileobj=sink, mode="w", format=form) as archive:
        for number in range(draw.randint(0, 6)):
            stem = draw.choice(("", "", "d/", "ü/", "l" * 120 + "/")) + f"{number:03d}"
            members = {"png": draw.randbytes(draw.randint(0, 700)), "txt": text(draw).encode()}
            if draw.random() < 0.5:
                members["json"] = json.dumps(_record(draw)).encode()
            for ending, data in members.items():
                if draw.random() < 0.95:
                    member = tarfile.TarInfo(f"{stem}.{ending}")
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))
    data = sink.getvalue()
    if draw.random() < 0.5:  # most of what a writer appends is padding
        data = data.rstrip(b"\0") + bytes(1024 + -len(data.rstrip(b"\0")) % 512)
    if draw.random() < 0.85:
        data = mutate(draw, data, (*BINARY, _damage_header, _damage_header, _damage_header))
    name, data = _packed(draw, "a.tar", data)
    source = {"kind": "webdataset", "image": "png", "text": draw.choice(("txt", "txt;text", "json.text"))}
    return Input({name: data}, name, _keys(draw, **source), name)


def _damage_header(draw: random.Random, data: bytes) -> bytes:
    """Change a field of a tar's header, with the right checksum in most cases."""
    headers = [at for at in range(0, len(data) - 511, 512) if data[at + 257 : at + 262] == b"ustar"]
    if not headers:
        return data
    at = draw.choice(headers)
    header = bytearray(data[at : at + 512])
    start, size = draw.choice(((0, 100), (124, 12), (156, 1), (157, 100), (345, 155), (257, 8)))
    for _ in range(draw.randint(1, 3)):
        header[start + draw.randrange(size)] = draw.choice(b"\x00 0157xgKLS/.\xff\x80")
    if draw.random() < 0.8:
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
    return data[:at] + bytes(header) + data[at + 512 :]


def parquet(draw: random.Random) -> Input:
    """A Parquet file, written in one of many ways."""
    count = draw.randint(0, 14)
    texts = [None if draw.random() < 0.1 else text(draw) for _ in range(count)]
    kind = draw.choice((pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string()))
    columns: dict[str, Any] = {"text": pa.array(texts, pa.string()).cast(kind)}
    columns["n"] = draw.choice((pa.array(range(count)), pa.array([1.5] * count), pa.array(["x"] * count, pa.string())))
    columns["other"] = pa.array([draw.randbytes(5) for _ in range(count)], pa.binary())
    source = _keys(draw, kind="parquet", text="text")
    if draw.random() < 0.4:
        pictures = [draw.randbytes(draw.randint(0, 90)) if draw.random() < 0.9 else None for _ in range(count)]
        inside = pa.array([{"bytes": each, "path": None} for each in pictures], _FILE)
        columns["image"] = draw.choice((pa.array(pictures, pa.binary()), inside))
        source["image"] = "image"
    names = list(columns)
    draw.shuffle(names)
    sink = io.BytesIO()
    pq.write_table(
        pa.table({name: columns[name] for name in names}),
        sink,
        row_group_size=draw.choice((1, 3, 100)),
        compression=draw.choice(("none", "snappy", "zstd", "gzip")),
        use_dictionary=draw.random() < 0.5,
        data_page_version=draw.choice(("1.0", "2.0")),
        write_page_checksum=draw.random() < 0.3,
        write_statistics=draw.random() < 0.5,
    )
    data = sink.getvalue()
    if draw.random() < 0.85:
        data = mutate(draw, data, (*BINARY, _damage_footer, _damage_footer))
    return Input({"a.parquet": data}, "a.parquet", source, "a.parquet")


_FILE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def _damage_footer(draw: random.Random, data: bytes) -> bytes:
    """Change a byte of the footer, which describes the file."""
    size = int.from_bytes(data[-8:-4], "little")
    start = len(data) - 8 - size
    if start < 0 or not size:
        return data
    changed = bytearray(data)
    for _ in range(draw.randint(1, 3)):
        changed[start + draw.randrange(size)] = draw.randrange(256)
    return bytes(changed)


MAKERS: dict[str, Callable[[random.Random], Input]] = {
    "jsonl": jsonl,
    "tar": tar,
    "parquet": parquet,
    "table": table,
    "files": files,
    "json": json_table,
}
