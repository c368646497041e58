import gzip
import hashlib
import io
import json
import shutil
import subprocess
import wave
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq
import pytest
import webdataset
from click.testing import CliRunner
from PIL import Image

pytest.importorskip("resvg_py", reason="needs benchmarks/requirements.txt")
pytest.importorskip("resiliparse", reason="needs benchmarks/requirements.txt")

from benchmarks.corpora import clipart, docs, packages, prompts, stamps
from benchmarks.corpora.__main__ import main, make_part
from benchmarks.corpora.man import from_man
from benchmarks.corpora.writing import write_jsonl

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="30pt" height="15pt"><rect width="99" height="99" fill="red"/></svg>'
)
TITLED = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:cc="http://web.resource.org/cc/"><metadata><rdf:RDF>
 <cc:Work><dc:title> A  {} </dc:title><dc:subject><rdf:Bag><rdf:li>pet</rdf:li><rdf:li/></rdf:Bag></dc:subject>
 <dc:creator><cc:Agent><dc:title>Nobody</dc:title></cc:Agent></dc:creator></cc:Work></rdf:RDF></metadata></svg>"""


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def png(size: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", size, (0, 0, 255, 0)).save(out, "PNG")
    return out.getvalue()


def wav(samples: int = 8) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\0" * samples)
    return out.getvalue()


def digest(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def samples(folder: Path) -> dict[str, dict[str, Any]]:
    tars = [str(path) for path in sorted(folder.glob("*.tar"))]
    return {sample["__key__"]: sample for sample in webdataset.WebDataset(tars, shardshuffle=False)}


@pytest.fixture
def stamp_package(tmp_path: Path) -> Path:
    root = tmp_path / "tuxpaint"
    pets = root / "usr/share/tuxpaint/stamps/animals/pets"
    write(pets / "cat.png", png((400, 100)))
    write(pets / "cat.svg", SVG)
    write(pets / "cat.txt", "A cat.\nfr.utf8=Un chat.\nde.utf8=\npt_BR.utf8=Um gato.\n")
    write(pets / "cat.ogg", b"a sound effect")
    for name, clip in {"": b"en", "_fr": b"fr", "_de": b"no caption", "_ru": b"no caption"}.items():
        write(pets / f"cat_desc{name}.ogg", clip)
    write(pets / "cat_desc_pt_BR.wav", wav())
    write(pets / "cat_2.svg", SVG)
    write(pets / "cat_2.txt", "Another cat.\n")
    write(pets / "cat_mirror.png", png((4, 4)))
    return root


def test_stamps_give_pictures_and_spoken_triples(tmp_path: Path, stamp_package: Path) -> None:
    rows = stamps.make({"tuxpaint-stamps-default": stamp_package}, tmp_path / "out")
    assert rows == {"stamps": 2, "spoken": 3}
    pictures, spoken = samples(tmp_path / "out/stamps"), samples(tmp_path / "out/spoken")
    assert sorted(pictures) == ["animals__pets__cat", "animals__pets__cat_2"]
    cat = pictures["animals__pets__cat"]
    assert (cat["txt"], cat["png"]) == (b"A cat.", png((400, 100)))
    facts = json.loads(cat["json"])
    assert facts["captions"] == {"en": "A cat.", "fr": "Un chat.", "pt_BR": "Um gato."}
    assert (facts["file"], facts["category"]) == ("animals/pets/cat.png", "animals/pets")
    drawn = Image.open(io.BytesIO(pictures["animals__pets__cat_2"]["png"])).convert("RGBA")
    assert (drawn.size, drawn.getpixel((100, 100))) == ((512, 256), (255, 0, 0, 255))

    assert {key: (one.get("ogg"), one["txt"].decode()) for key, one in spoken.items()} == {
        "animals__pets__cat__en": (b"en", "A cat."),
        "animals__pets__cat__fr": (b"fr", "Un chat."),
        "animals__pets__cat__pt_BR": (None, "Um gato."),
    }
    assert spoken["animals__pets__cat__pt_BR"]["wav"] == wav()
    french = spoken["animals__pets__cat__fr"]
    assert json.loads(french["json"])["lang"] == "fr"
    small = Image.open(io.BytesIO(french["png"]))
    assert (small.mode, small.size, small.getpixel((9, 9))) == ("RGB", (256, 64), (255, 255, 255))


def test_the_same_package_gives_the_same_bytes_and_replaces_what_was_there(tmp_path: Path, stamp_package: Path) -> None:
    made = []
    for out in (tmp_path / "a", tmp_path / "b"):
        (out / "cache").mkdir(parents=True)
        (out / "cache" / "tuxpaint-stamps-default_1_all.deb").touch()
        (out / "cache" / "tuxpaint-stamps-default_1_all").symlink_to(stamp_package)
        write(out / "stamps" / "old.tar", b"old")
        report = make_part(stamps, out, None, out / "cache")
        assert report["packages"] == ["tuxpaint-stamps-default_1_all.deb"]
        made.append(digest(out / "stamps") | digest(out / "spoken"))
    assert made[0] == made[1]
    assert sorted(made[0]) == ["spoken-0000.tar", "stamps-0000.tar"]


def test_prompts_are_matched_with_what_is_said(tmp_path: Path) -> None:
    text, sound = tmp_path / "text", tmp_path / "sound"
    listing = (
        "; Sounds\n\nbeep: [a tone]\nhello: Hello. It is 5: five.\nletters/at: at [@]\nlost: Lost.\nquiet: (silence)\n"
    )
    write(text / "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz", gzip.compress(listing.encode()))
    for name in ("beep", "hello", "letters/at", "quiet"):
        write(sound / f"usr/share/asterisk/sounds/en_US_f_Allison/{name}.wav", wav())
    prompts.make({"asterisk-core-sounds-en": text, "asterisk-core-sounds-en-wav": sound}, tmp_path)
    assert pq.read_table(tmp_path / "prompts.parquet").to_pylist() == [
        {"audio": wav(), "text": "Hello. It is 5: five.", "id": "hello"},
        {"audio": wav(), "text": "at", "id": "letters/at"},
    ]


def test_docs_read_pages_manuals_and_a_dictionary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = "<html><script>var x;</script><body><p>Some <b>bold</b> text.</p><pre>a  = 1\nb</pre></body></html>"
    write(tmp_path / "pages/usr/b.html", page)
    write(tmp_path / "pages/usr/a.html", b"<p>caf\xe9</p>")
    write(tmp_path / "words/usr/share/dictd/w.dict.dz", gzip.compress(b"Ab: off.\nAba: wool.\n"))
    write(tmp_path / "words/usr/share/dictd/w.index", "Ab\tA\tI\nAba\tJ\tL\naba\tJ\tL\n")
    write(tmp_path / "manuals/usr/share/man/de/man1/x.1.gz", gzip.compress(b".TH X 1\n.SH NAME\nx \\- tut nichts\n"))
    sources = {"manuals": (docs.man, "M"), "pages": (docs.html, "P"), "words": (docs.dictionary, "W")}
    monkeypatch.setattr(docs, "SOURCES", sources)
    monkeypatch.setattr(docs, "PACKAGES", tuple(sources))
    docs.make({name: tmp_path / name for name in sources}, tmp_path / "out")
    lines = gzip.decompress((tmp_path / "out/docs/docs-000.jsonl.gz").read_bytes()).decode().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(row["id"], row["license"]) for row in rows] == [
        ("manuals/usr/share/man/de/man1/x.1.gz", "M"),
        ("pages/usr/b.html", "P"),
        ("words/w/0/Ab", "W"),
        ("words/w/9/Aba", "W"),
    ]
    assert [row["text"] for row in rows] == [
        "NAME\n\nx - tut nichts",
        "Some bold text.\n\na  = 1\nb",
        "Ab: off.",
        "Aba: wool.",
    ]


def test_docs_are_cut_into_files_of_a_size(tmp_path: Path) -> None:
    rows = ({"text": "x" * 50, "id": str(i)} for i in range(10))
    assert write_jsonl(rows, tmp_path / "docs", "docs", file_bytes=200) == 10
    files = sorted((tmp_path / "docs").iterdir())
    assert [path.name for path in files] == [f"docs-00{i}.jsonl.gz" for i in range(4)]
    ids = [json.loads(line)["id"] for path in files for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert ids == [str(i) for i in range(10)]


def test_manual_pages_lose_their_troff() -> None:
    page = r"""'\" t
.\" a comment
.TH LS 1 "today"
.de XX
hidden
..
.if n \{\
.ad l
hidden too
.\}
.SH "SEE ALSO"
The \fBls\fP command \(em really\*(Aqs
.BR one (1),
.I "two  words"
.nf
int  x;
  \e0;
.fi
.IP \(bu
point \[u00E9]
"""
    assert from_man(page) == "SEE ALSO\n\nThe ls command — really's one(1), two  words\n\nint  x;\n  \\0;\n\n• point é"
    assert from_man(".so man1/ls.1\n") is None


def test_clipart_takes_the_title_of_the_work(tmp_path: Path) -> None:
    pngs, svgs = tmp_path / "png/usr/share/openclipart/png", tmp_path / "svg/usr/share/openclipart/svg"
    for name, svg in {"pets/cat.1": TITLED.format("cat"), "untitled": SVG, "broken": "<svg"}.items():
        write(pngs / f"{name}.png", png((3, 3)))
        write(svgs / f"{name}.svg", svg)
    assert clipart.make({"openclipart-png": tmp_path / "png", "openclipart-svg": tmp_path / "svg"}, tmp_path) == {
        "clipart": 1
    }
    (sample,) = samples(tmp_path / "clipart").values()
    assert (sample["__key__"], sample["txt"]) == ("pets__cat-1", b"A cat")
    assert json.loads(sample["json"])["keywords"] == ["pet"]


def test_packages_that_apt_does_not_know_end_in_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "tools"
    write(tools / "apt-get", "#!/bin/sh\necho 'E: Unable to locate package nothing' >&2\nexit 100\n")
    write(tools / "dpkg", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(click.ClickException, match="apt-get not found"):
        packages.unpack(["nothing"], tmp_path / "cache")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    with pytest.raises(click.ClickException, match=r"Unable to locate package nothing.* Run `apt-get update`"):
        packages.unpack(["nothing"], tmp_path / "cache")


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg")
def test_an_archive_in_the_cache_is_unpacked_once(tmp_path: Path) -> None:
    write(tmp_path / "tree/usr/share/x", "content")
    write(
        tmp_path / "tree/DEBIAN/control", "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: m\nDescription: d\n"
    )
    (tmp_path / "cache").mkdir()
    built = ["dpkg-deb", "--build", str(tmp_path / "tree"), str(tmp_path / "cache/x_1_all.deb")]
    subprocess.run(built, check=True, capture_output=True)
    (root,) = packages.unpack(["x"], tmp_path / "cache").values()
    assert (root / "usr/share/x").read_text() == "content"
    write(root / "kept", "")
    assert (packages.unpack(["x"], tmp_path / "cache")["x"] / "kept").exists()


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["make", str(tmp_path / "out"), "--only", "stamps,songs"])
    assert done.exit_code == 2
    assert "'songs' is none of stamps, prompts, docs, clipart" in done.output
