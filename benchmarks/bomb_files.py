"""Makes hostile files: each is small on disk, and takes gigabytes, minutes or a deep stack where nothing is bounded."""

import base64
import gzip
import json
import lzma
import struct
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

Made = tuple[Mapping[str, Any], Mapping[str, Any]]  # keys of the source, and of the run file
MILLION = 1_000_000
TABLE = {"kind": "folder", "modality": "image-text", "image": "image"}
PICTURES = {"kind": "folder", "modality": "image-text", "image": "file_name", "table": "metadata.csv"}
CLIPS = {"kind": "folder", "modality": "audio-text", "audio": "file_name", "table": "metadata.csv"}


class Bomb(NamedTuple):
    """A name, and a function that writes the files into a folder."""

    name: str
    make: Callable[[Path], Made]


def _gzip(name: str, piece: bytes, times: int, kind: Mapping[str, Any], head: bytes = b"") -> Bomb:
    def make(folder: Path) -> Made:
        path = folder / name
        with gzip.open(path, "wb", 9) as file:
            file.write(head)
            for _ in range(times):
                file.write(piece)
        where = {"path": str(folder), "table": name} if kind["kind"] == "folder" else {"path": str(path)}
        return {**kind, **where}, {}

    return Bomb(name.removesuffix(".gz"), make)


def _bytes(name: str, data: Callable[[], bytes], kind: Mapping[str, Any]) -> Bomb:
    def make(folder: Path) -> Made:
        (folder / name).write_bytes(data())
        return {**kind, "path": str(folder / name)}, {}

    return Bomb(name, make)


def _media(name: str, data: Callable[[], bytes], kind: Mapping[str, Any]) -> Bomb:
    def make(folder: Path) -> Made:
        data_folder = folder / "media"
        data_folder.mkdir()
        (data_folder / name).write_bytes(data())
        (data_folder / "metadata.csv").write_text(f"file_name,text\n{name},a caption\n")
        return {**kind, "path": str(data_folder)}, {}

    return Bomb(name, make)


def _parquet(name: str, table: Callable[[], pa.Table]) -> Bomb:
    def make(folder: Path) -> Made:
        made = table()
        pq.write_table(made, folder / name, compression="zstd", row_group_size=len(made))
        return {"kind": "parquet", "path": str(folder / name)}, {}

    return Bomb(name, make)


def _tokenizer(name: str, data: Callable[[], bytes], keys: Mapping[str, Any]) -> Bomb:
    def make(folder: Path) -> Made:
        (folder / "a.jsonl").write_text('{"text": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}\n')
        (folder / name).write_bytes(data())
        more = {"tokenizers": {"text": {**keys, "path": str(folder / name)}}}
        return {"kind": "jsonl", "path": str(folder / "a.jsonl")}, more

    return Bomb(name, make)


def _gnu_headers() -> bytes:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 4
    return (header.tobuf(tarfile.GNU_FORMAT) + b"abc\0".ljust(512, b"\0")) * 1200 + b"\0" * 1024


def _pax_headers() -> bytes:
    return tarfile.TarInfo("p" * 200).tobuf(tarfile.PAX_FORMAT)[:1024] * 1200 + b"\0" * 1024


def _sparse_map() -> bytes:
    """An old GNU header of a sparse file whose map goes on for 200 MB."""
    header = bytearray(tarfile.TarInfo("a.txt").tobuf(tarfile.GNU_FORMAT))
    header[156:157], header[482:483] = tarfile.GNUTYPE_SPARSE, b"\1"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    block = (b"00000000001\0" * 2 * 21).ljust(504, b"\0") + b"\1" + b"\0" * 7
    return gzip.compress(bytes(header) + block * 400_000)


def _dictionary() -> pa.Table:
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array(["x" * MILLION]))
    return pa.table({"text": values})


def _lists() -> pa.Table:
    return pa.table({"text": pa.array(["y" * (100 * MILLION)] * 3)})


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size)
        + chunk(b"IDAT", zlib.compress(b"\0" * MILLION))
        + chunk(b"IEND", b"")
    )


def _svg() -> bytes:
    uses = "".join(f'<g id="g{n}">' + f'<use href="#g{n - 1}"/>' * 10 + "</g>" for n in range(1, 12))
    shape = '<g id="g0"><rect width="1" height="1"/></g>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">{shape}{uses}</svg>'.encode()


def _wav() -> bytes:
    form = struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16)
    return b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + form + b"data\xff\xff\xff\xff" + b"\0" * 64000


def _json_tokenizer(pattern: str | None, vocabulary: Mapping[str, int]) -> bytes:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    model = {"type": "BPE", "vocab": vocabulary, "merges": []}
    return json.dumps(
        {"version": "1.0", "added_tokens": [], "pre_tokenizer": pattern and split, "model": model}
    ).encode()


def _ranks(line: str) -> bytes:
    single = "".join(f"{base64.b64encode(bytes([byte])).decode()} {byte}\n" for byte in range(256))
    return f"{single}{line}\n".encode()


JSONL = {"kind": "jsonl"}
TAR = {"kind": "webdataset", "text": "txt"}
TOKENIZER_JSON = {"kind": "huggingface"}
TIKTOKEN = {"kind": "tiktoken", "pattern": "gpt2"}
BOMBS = (
    _gzip("bad-lines.jsonl.gz", b"x\n" * MILLION, 100, JSONL),
    _gzip("blank-lines.jsonl.gz", b"\n" * MILLION, 1000, JSONL),
    _gzip("no-texts.jsonl.gz", b"{}\n" * MILLION, 30, JSONL),
    _gzip("valid-lines.jsonl.gz", b'{"text": "a"}\n' * 100_000, 100, JSONL),
    _gzip("one-line.jsonl.gz", b"x" * MILLION, 2000, JSONL),
    _bytes("zstd.jsonl", lambda: zstd.compress(b"\0" * (1 << 30)), JSONL),
    _bytes("xz.jsonl", lambda: lzma.compress(b"\0" * (1 << 28)), JSONL),
    _bytes("nested.jsonl", lambda: gzip.compress(zstd.compress(b"\0" * (1 << 30))), JSONL),
    _bytes(
        "digits.jsonl", lambda: b'{"text": "a row", "n": ' + b"9" * MILLION + b'}\nnot json\n{"text": "b"}\n', JSONL
    ),
    _bytes("deep.jsonl", lambda: b'{"text": ' + b"[" * MILLION + b"]" * MILLION + b"}\n", JSONL),
    _bytes("gnu-headers.tar", _gnu_headers, TAR),
    _bytes("pax-headers.tar", _pax_headers, TAR),
    _bytes("sparse-map.tar", _sparse_map, TAR),
    _parquet("dictionary.parquet", _dictionary),
    _parquet("wide.parquet", _lists),
    _parquet("nulls.parquet", lambda: pa.table({"text": pa.nulls(50 * MILLION, pa.string())})),
    _gzip("blank-lines.csv.gz", b"\n" * MILLION, 100, TABLE, b"image,text\n"),
    _gzip("endless-field.csv.gz", b"x\n" * MILLION, 20, TABLE, b'image,text\n"'),
    _gzip("numbers.json.gz", b"1," * MILLION, 50, {**TABLE}, b"["),
    _gzip("lists.json.gz", b'"a":[],' * 100_000, 50, {**TABLE, "records": "rows"}, b"{"),
    _media("claims.png", lambda: _png(60_000, 60_000), PICTURES),
    _media("uses.svg", _svg, PICTURES),
    _media("claims.wav", _wav, CLIPS),
    _tokenizer("pattern.json", lambda: _json_tokenizer("(a+)+$", {"a": 0, "b": 1}), TOKENIZER_JSON),
    _tokenizer("ids.json", lambda: _json_tokenizer(None, {"a": 0, "b": 4_294_967_295}), TOKENIZER_JSON),
    _tokenizer("ranks.tiktoken", lambda: _ranks("YWI= 4000000000"), TIKTOKEN),
    _tokenizer("base64.tiktoken", lambda: _ranks("YW=I 256"), TIKTOKEN),
    _tokenizer("claims.model", lambda: b"\x0a\xff\xff\xff\xff\x07" + b"a" * 100, {"kind": "sentencepiece"}),
)
