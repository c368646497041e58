import gzip
import hashlib
import io
import json
import unicodedata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile as sf
import webdataset
from PIL import Image

from triptych.cli.demo import corpus, espeak, glyphs, speech, text
from triptych.schemas.config.load import load_run
from triptych.schemas.errors import Refusal

needs_fonts = pytest.mark.skipif(find_spec("matplotlib") is None, reason="needs triptych[demo]")
needs_espeak = pytest.mark.skipif(find_spec("espeakng_loader") is None, reason="needs triptych[demo]")


def digest(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(folder: Path) -> list[dict[str, str]]:
    contents = [gzip.decompress(path.read_bytes()).decode() for path in sorted(folder.glob("text-*.jsonl.gz"))]
    return [json.loads(line) for content in contents for line in content.splitlines()]


def test_text_holds_the_docstrings_of_the_modules_and_the_topics_of_help(tmp_path: Path) -> None:
    modules = ["json", "textwrap", "sys", "no_such_module"]
    assert text.write_text(tmp_path / "a", modules) == len(rows(tmp_path / "a"))
    texts = {row["id"]: row["text"] for row in rows(tmp_path / "a")}
    assert len(texts) == len(set(texts.values())) == len(rows(tmp_path / "a"))
    assert texts["json.loads"].startswith("Deserialize ``s``")
    assert "\n    " not in texts["textwrap.dedent"].partition("\n")[2][:200]
    assert texts["textwrap.TextWrapper"].startswith("Object for wrapping/filling text.")
    assert texts["help.lambda"].startswith("Lambdas")
    text.write_text(tmp_path / "b", reversed(modules))
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_text_without_sources_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="sources of the standard library are missing"):
        text.write_text(tmp_path, ["no_such_module"])


@needs_fonts
def test_glyphs_are_black_on_white_and_named(tmp_path: Path) -> None:
    assert glyphs.write_glyphs(tmp_path / "a", seed=1, limit=40) == 40
    tars = [str(path) for path in sorted((tmp_path / "a").glob("glyphs-*.tar"))]
    samples = list(webdataset.WebDataset(tars, shardshuffle=False))
    assert (len(tars), len(samples), len({one["__key__"] for one in samples})) == (4, 40, 40)
    for one in samples:
        assert unicodedata.name(unicodedata.lookup(one["txt"].decode().upper())).lower() == one["txt"].decode()
        picture = np.asarray(Image.open(io.BytesIO(one["png"])))
        assert (picture.shape, picture.max()) == ((64, 64), 255)
        assert picture.min() < 64
    glyphs.write_glyphs(tmp_path / "b", seed=1, limit=40)
    glyphs.write_glyphs(tmp_path / "c", seed=2, limit=40)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert not set(digest(tmp_path / "a").values()) & set(digest(tmp_path / "c").values())


@needs_fonts
def test_every_glyph_lies_inside_its_picture_and_differs_from_the_box_of_missing_ones() -> None:
    planned = glyphs.plan(0)
    assert 2000 <= len(planned) <= 3000
    assert len({glyph.name for glyph in planned}) > 150
    boxes = {glyph.font: np.asarray(glyphs.draw(glyphs.Glyph("\uffff", glyph.font, 40))) for glyph in planned}
    for glyph in planned[:200]:
        alone = np.asarray(glyphs.draw(glyphs.Glyph(glyph.character, glyph.font, 40)))
        assert not np.array_equal(alone, boxes[glyph.font])
    letter = next(glyph for glyph in planned if glyph.character == "H")
    edges = np.asarray(glyphs.draw(glyphs.Glyph("H", letter.font, 40)))
    assert edges[[0, -1]].min() == edges[:, [0, -1]].min() == 255
    huge = np.asarray(glyphs.draw(glyphs.Glyph("H", letter.font, 400)))
    assert 0.2 < (huge < 128).mean() < 0.8


@needs_espeak
def test_speech_is_flac_with_its_text_and_the_same_every_time(tmp_path: Path) -> None:
    counts = [speech.write_speech(tmp_path / f"{name}.parquet", seed=3, clips=8) for name in "ab"]
    assert counts == [8, 8]
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    for row, planned in zip(pq.read_table(tmp_path / "a.parquet").to_pylist(), speech.plan(3, 8), strict=True):
        samples, rate = sf.read(io.BytesIO(row["audio"]))
        assert (row["text"], rate, samples.ndim) == (planned.text, 16_000, 1)
        assert 0.3 < len(samples) / rate <= speech.LONGEST
        assert 0.05 < np.abs(samples).max() < 1.0


@needs_espeak
def test_longer_words_take_longer_and_voices_differ() -> None:
    short, long, other = espeak.speak(
        [
            espeak.Utterance("ten", "en", 130, 50),
            espeak.Utterance("seventy seven candles", "en", 130, 50),
            espeak.Utterance("ten", "en-us+f2", 130, 50),
        ]
    )
    assert len(long) > 2 * len(short)
    assert not np.array_equal(short, other)


@needs_espeak
def test_a_clip_too_long_for_a_row_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        speech, "_phrase", lambda rng: rng.choice(["ten", "one two three four five six seven eight nine ten"])
    )
    texts = [planned.text for planned in speech.plan(0, 6)]
    assert 0 < texts.count("ten") < 6
    assert speech.write_speech(tmp_path / "speech.parquet", seed=0, clips=6) == texts.count("ten")


@needs_espeak
def test_a_voice_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refusal, match="no voice xx-klingon"):
        espeak.speak([espeak.Utterance("ten", "xx-klingon", 130, 50)])


def test_the_run_file_is_valid_and_names_what_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "find_spec", lambda module: module)
    made: dict[str, Path] = {}
    monkeypatch.setattr(corpus, "write_text", lambda folder: made.update(text=folder))
    monkeypatch.setattr(corpus, "write_glyphs", lambda folder, seed: made.update(glyphs=folder))
    monkeypatch.setattr(corpus, "write_speech", lambda path, seed: made.update(speech=path))
    corpus.make_corpus(tmp_path, seed=5)
    run = load_run(tmp_path / "run.yaml")
    assert (run.seed, run.row_length, len(run.modalities)) == (5, 512, 3)
    paths = [tmp_path / source.path for source in run.sources]
    assert [made["text"], made["glyphs"], made["speech"]] == [paths[0].parent, paths[1].parent, paths[2]]


def test_without_the_extra_the_demo_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "find_spec", lambda module: None if module == "espeakng_loader" else module)
    with pytest.raises(Refusal, match=r"pip install 'triptych\[demo\]'"):
        corpus.make_corpus(tmp_path / "demo")
    assert not (tmp_path / "demo").exists()
