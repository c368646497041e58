"""The corpus that runs are killed over: the same bytes each time, and a run file that is taken."""

from pathlib import Path

from benchmarks import small_corpus
from triptych.schemas.config.load import check
from triptych.schemas.config.run import RunConfig


def test_the_same_corpus_each_time_and_a_run_of_all_three_modalities(tmp_path: Path) -> None:
    run = small_corpus.write(tmp_path / "a")
    small_corpus.write(tmp_path / "b")
    config = check(RunConfig, run | {"out": "out"}, "small")
    assert [modality.name for modality in config.modalities] == ["TEXT", "IMAGE", "AUDIO"]
    assert len(config.filters) == 3
    assert all(config.dedup.of(modality) for modality in config.modalities)
    assert config.decontaminate
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert len(files) == 7
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file
