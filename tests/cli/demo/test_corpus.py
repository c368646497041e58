"""The corpus of the demo: the run file names what is made, and what is not installed is named."""

from pathlib import Path

import pytest

from triptych.cli.demo import corpus
from triptych.schemas.config.load import load_run
from triptych.schemas.errors import Refusal


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
