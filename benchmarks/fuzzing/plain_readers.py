"""Counts the rows of a file with nothing but the libraries of its format, independently of Triptych's readers.

A count is None where the format does not let one count: what is left of a damaged file, or of one that a library reads
in another way than its specification says.
"""

import bz2
import csv
import io
import json
import lzma
import posixpath
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

from .mutations import COMPRESS
from .reader_inputs import Input

UNKNOWN = object()  # a row of which the plain reader cannot say what it holds
BAD = object()  # a row that holds no text
_BOMS = ((b"\xff\xfe\0\0", "utf-32-le"), (b"\0\0\xfe\xff", "utf-32-be"), (b"\xff\xfe", "utf-16-le"))
_MARKS = (*_BOMS, (b"\xfe\xff", "utf-16-be"))


class Plain(NamedTuple):
    """The text of each row by its number, BAD or UNKNOWN for others; and whether the whole file can be read."""

    rows: dict[int, Any] | None  # None: cannot be counted
    intact: bool


CANNOT = Plain(None, False)


def inflated(data: bytes, name: str) -> bytes | None:
    """Decompress data; None if they are damaged, or not what their name says."""
    named = name.endswith(tuple(COMPRESS))
    try:
        for _ in range(4):
            if data.startswith(b"\x1f\x8b"):
                data = _gzip(data)
            elif re.match(rb"BZh[1-9]", data):
                data = _members(data, bz2.BZ2Decompressor)
            elif data.startswith(b"\xfd7zXZ"):
                data = _members(data, lzma.LZMADecompressor)
            elif data.startswith(b"\x28\xb5\x2f\xfd"):
                data = _members(data, zstd.ZstdDecompressor)
            else:
                return None if named else data
            named = False
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError, ValueError):
        return None
    return None


def _gzip(data: bytes) -> bytes:
    return _members(data, lambda: zlib.decompressobj(31))


def _members(data: bytes, new: Any) -> bytes:
    parts = []
    while data:
        member = new()
        parts.append(member.decompress(data))
        if not member.eof:
            raise EOFError
        data = member.unused_data.lstrip(b"\0")
    return b"".join(parts)


def utf8(data: bytes) -> bytes | None:
    """Convert text with a byte order mark to UTF-8 without one; None if it ends within a character."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                text = data.removeprefix(mark).decode(encoding, "surrogatepass")
            except UnicodeDecodeError:
                return None
            return text.encode(errors="surrogatepass").removeprefix(b"\xef\xbb\xbf")
    return data.removeprefix(b"\xef\xbb\xbf")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    repeated = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    return dict(pairs) | ({"repeated": repeated} if repeated else {})


def _text_of(record: Any) -> Any:
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        return BAD
    if {"text", "n"} & set(record.get("repeated", ())):
        return UNKNOWN
    try:
        record["text"].encode()
    except UnicodeEncodeError:
        return BAD
    return record["text"]


def parsed(line: bytes) -> Any:
    """The text of a JSON object."""
    while line.startswith(b"\xef\xbb\xbf"):
        line = line.removeprefix(b"\xef\xbb\xbf")
    try:
        return _text_of(json.loads(line.decode(), object_pairs_hook=_object))
    except RecursionError:
        return UNKNOWN
    except ValueError as error:
        return UNKNOWN if "digits" in str(error) else BAD


def jsonl(found: Input) -> Plain:
    """Lines of JSON."""
    data = _whole(found)
    if data is None:
        return CANNOT
    lines = data.split(b"\r" if b"\n" not in data and b"}\r{" in data else b"\n")
    marks = re.compile(rb"^(\xef\xbb\xbf)+")
    return Plain({n: parsed(line) for n, line in enumerate(lines) if marks.sub(b"", line).strip()}, True)


def _whole(found: Input) -> bytes | None:
    data = inflated(found.files[found.main], found.main)
    return None if data is None else utf8(data)


def json_table(found: Input) -> Plain:
    """The list of a JSON file."""
    data = _whole(found)
    try:
        tree = json.loads((data or b"").decode(), object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return CANNOT
    key = found.source.get("records")
    if key is not None and isinstance(tree, dict) and key not in tree.get("repeated", ()):
        tree = tree.get(key)
    if not isinstance(tree, list):
        return CANNOT
    return Plain({number: _text_of(record) for number, record in enumerate(tree)}, True)


def table(found: Input) -> Plain:
    """Records of a text table, by the `csv` module where fields are quoted."""
    data = _whole(found)
    if data is None:
        return CANNOT
    source = found.source
    tabs = ".tsv" in found.main
    delimiter = source.get("delimiter", "\t" if tabs else ",")
    if source.get("quoting", "none" if tabs else "csv") == "none":
        if b"\r" in data and b"\n" not in data:
            data = data.replace(b"\r", b"\n")
        lines = [line.removesuffix(b"\r") for line in data.removesuffix(b"\n").split(b"\n")] if data else []
        rows = [line.decode(errors="surrogateescape").split(delimiter) if line else [] for line in lines]
    else:
        text = data.decode(errors="surrogateescape")
        if "\r" in text.replace("\r\n", ""):  # line ends of several systems, which no one standard describes
            return CANNOT
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
        except csv.Error:
            return CANNOT
    header = source.get("columns") or [name.strip(" \t\ufeff") for name in (rows.pop(0) if rows else [])]
    if "text" not in header or header.count("text") > 1:
        return CANNOT
    at = header.index("text")
    kept = {n: row for n, row in enumerate(rows) if row}
    return Plain({n: _field(row[at]) if len(row) == len(header) else BAD for n, row in kept.items()}, True)


def _field(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        return BAD
    return value


def parquet(found: Input) -> Plain:
    """Rows of a Parquet file, by pyarrow."""
    try:
        file = pq.ParquetFile(io.BytesIO(found.files[found.main]), page_checksum_verification=True)
        wanted = ["text", *(["image"] if "image" in found.source else []), *found.source.get("keep", ())]
        read = file.read(wanted, use_threads=False)
        texts = read["text"].cast(pa.large_binary()).to_pylist()
        pictures = read["image"].to_pylist() if "image" in found.source else [b""] * len(texts)
    except (pa.ArrowException, OSError, KeyError, ValueError, MemoryError):
        return CANNOT
    if len(texts) != file.metadata.num_rows:  # a footer that contradicts itself
        return CANNOT
    rows: dict[int, Any] = {}
    for number, (data, picture) in enumerate(zip(texts, pictures, strict=True)):
        content = picture.get("bytes") if isinstance(picture, dict) else picture
        rows[number] = BAD if data is None or content is None else _decoded(data)
    return Plain(rows, True)


def _decoded(data: bytes) -> Any:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return BAD


_BESIDE = re.compile(r"(^|/)(\.[^/]*|(__MACOSX|PaxHeaders?(\.\d+)?)/.*)$|^__[^/]*__($|/)")


def tar(found: Input) -> Plain:
    """Samples of a tar, by tarfile: members beside each other that have the same name up to the first dot."""
    data = inflated(found.files[found.main], found.main)
    if data is None:
        return CANNOT
    keys: list[str] = []
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", encoding="utf-8") as archive:
            for member in archive:
                folder, name = posixpath.split(member.name)
                stem, dot, _ = name.partition(".")
                if (
                    (member.isreg() or member.issym() or member.islnk())
                    and dot
                    and stem
                    and not _BESIDE.search(member.name)
                ):
                    keys.append(posixpath.join(folder, stem))
            after = data[archive.offset :]
    except (tarfile.TarError, ValueError, OverflowError):
        return CANNOT
    groups = [key for number, key in enumerate(keys) if not number or key != keys[number - 1]]
    # tarfile takes a header that is cut off for the end
    if len(data) % 512 or after.strip(b"\0") or len(set(groups)) < len(groups):
        return CANNOT
    return Plain(dict.fromkeys(range(len(groups)), UNKNOWN), True)


def files(found: Input) -> Plain:
    """Files of a folder, by their names."""
    names: Iterable[str] = sorted(found.files)
    rows: dict[int, Any] = {}
    encoding = found.source.get("encoding", "utf-8")
    for number, name in enumerate(names):
        data = inflated(found.files[name], name)
        if data is None:
            rows[number] = UNKNOWN
            continue
        text = utf8(data) if encoding == "utf-8" else data
        try:
            rows[number] = BAD if text is None else text.decode(encoding)
        except UnicodeError:
            rows[number] = BAD
    return Plain(rows, True)


COUNTERS = {"jsonl": jsonl, "tar": tar, "parquet": parquet, "table": table, "files": files, "json": json_table}
