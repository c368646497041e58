"""Every refusal of a run file is one paragraph that names the key, the value and what to do."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from triptych.schemas.config.load import load_run
from triptych.schemas.config.tokenizers import RvqConfig, VqConfig
from triptych.schemas.errors import Refusal


@pytest.fixture
def run_yaml(tmp_path: Path, makers: Any) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(makers.run_file, encoding="utf-8")
    return path


def refusal(path: Path, *overrides: str) -> str:
    with pytest.raises(Refusal) as caught:
        load_run(path, overrides)
    message = str(caught.value)
    assert "\n" not in message
    assert message[-1] in ".?", message
    assert caught.value.exit_code == 2
    return message


def test_the_documented_run_file_is_valid_as_written(run_yaml: Path) -> None:
    config = load_run(run_yaml)
    assert (config.name, config.out, config.row_length, config.pack.group_by) == (
        "stamps",
        "out/stamps",
        4096,
        "modality",
    )
    assert config.engine.model_dump() == {"kind": "dask", "workers": 2, "scheduler": None, "wait": None}
    assert [source.name for source in config.sources] == ["docs", "stamps", "prompts"]
    assert config.tokenizers.image.model_dump() == {
        "path": None,
        "kind": "vq",
        "size": 128,
        "downsample": 8,
        "codes": 1024,
        "steps": 1500,
    }
    assert isinstance(config.tokenizers.audio, RvqConfig)
    assert config.tokenizers.audio.steps == 600


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("row_lenght=512", ("unknown key `row_lenght`", "512", "Did you mean `row_length`?")),
        ("zzz=1", ("unknown key `zzz`", "Remove it")),
        ("tokenizers.image.step=20", ("unknown key `tokenizers.image.step`", "20", "Did you mean `steps`?")),
        ("sources.stamps.imag=png", ("unknown key `sources.1.imag`", "'png'", "Did you mean `image`?")),
        ("row_length=long", ("`row_length`", "'long'", "integer")),
        ("row_length=4096.5", ("`row_length`", "4096.5")),
        ("row_length=8", ("`row_length`", "8", "greater than or equal to 16")),
        ("row_length=65536", ("`row_length`", "65536", "less than or equal to 65535")),
        ("seed=-1", ("`seed`", "-1")),
        ("name=a b", ("`name`", "'a b'")),
        ("out=", ("`out`",)),
        ("sources=[]", ("`sources`", "[]", "at least 1")),
        ("sources.0.kind=csv", ("`sources.0.kind`", "'csv'", "'jsonl'", "'webdataset'")),
        ("sources.0.modality=words", ("`sources.0.modality`", "'words'", "'image-text'")),
        ("sources.docs.modality=image-text", ("`sources.0`", "`docs`", "needs `image:`")),
        ("sources.stamps.image=null", ("`sources.1`", "source `stamps`", "image-text", "`image:`")),
        ("sources.prompts.audio=null", ("`sources.2`", "source `prompts`", "audio-text", "`audio:`")),
        ("sources.docs.image=png", ("`sources.0`", "source `docs`", "`image: png`", "remove it")),
        ("sources.stamps.text=null", ("`sources.1.text`", "None", "string")),
        ("sources.1.name=docs", ("`sources`", "`docs`", "needs a unique name")),
        ("engine.kind=ray", ("`engine.kind`", "'ray'", "'serial'", "'dask'", "'beam'")),
        ("engine={kind: beam, runner: DaskRunner}", ("`engine.runner`", "loses rows", "`engine: {kind: dask}`")),
        ("engine={kind: beam, runner: DirectRunner}", ("`engine.runner`", "use FnApiRunner")),
        ("engine={kind: beam, runner: Flink}", ("`engine.runner`", "'Flink'", "'FlinkRunner'", "'PortableRunner'")),
        ("engine={kind: beam, runner: FlinkRunner, workers: 2}", ("`engine`", "FlinkRunner with its own `options`")),
        ("engine={kind: beam, options: {direct_num_workers: 2}}", ("`options.direct_num_workers`", "`workers`")),
        ("engine={kind: beam, runner: PortableRunner}", ("`engine`", "`options.job_endpoint`", "add it")),
        ("engine={workers: 2}", ("`engine` has no `kind`", "Add `kind:`")),
        ("engine.scheduler=tcp://h:1", ("`engine`", "`workers`", "`scheduler`", "keep one")),
        ("engine.workers=0", ("`engine.workers`", "0", "greater than 0")),
        ("tokenizers.image.path=models/vq", ("`tokenizers.image`", "path: models/vq", "remove one")),
        ("tokenizers.text.path=text.model", ("`tokenizers.text`", "`vocab_size`", "remove one")),
        ("tokenizers.audio.path=codec", ("`tokenizers.audio`", "path: codec", "remove one")),
        ("tokenizers.image.size=100", ("`tokenizers.image`", "`size: 100`", "`downsample: 8`")),
        ("tokenizers.image.downsample=5", ("`tokenizers.image.downsample`", "5", "4, 8 or 16")),
        ("tokenizers.text.vocab_size=100", ("`tokenizers.text.vocab_size`", "100", "300")),
        ("tokenizers.audio.kind=mp3", ("`tokenizers.audio.kind`", "'mp3'", "'rvq'", "'transformers'")),
        ("tokenizers.audio={kind: transformers}", ("`tokenizers.audio.path` is missing",)),
        ("pack.group_by=kind", ("`pack.group_by`", "'kind'", "'modality', 'source' or 'none'")),
        ("limits.seconds=0", ("`limits.seconds`", "0", "greater than 0")),
        ("partition_bytes=10", ("`partition_bytes`", "10", "1024")),
        ("filters=[{name: text_lenth}]", ("`filters.0.name`", "'text_lenth'", "'text_length'")),
        ("filters=[{min_chars: 2}]", ("`filters.0` has no `name`", "Add `name:`")),
        ("filters=[{name: text_length}]", ("`filters.0` (filter `text_length`)", "no bound", "min_chars")),
        (
            "filters=[{name: text_length, min_char: 2}]",
            ("unknown key `filters.0.min_char`", "Did you mean `min_chars`"),
        ),
        ("filters=[{name: text_length, min_words: 3, max_words: 2}]", ("`min_words: 3`", "`max_words: 2`")),
        ("filters=[{name: repetition, max_top_ngram: {1: .5}}]", ("`filters.0.max_top_ngram", "1", "equal to 2")),
        ("filters=[{name: pii, sources: [doc]}]", ("`filters`", "source `doc`", "docs, stamps, prompts")),
    ],
)
def test_a_wrong_value_is_refused_by_key_value_and_fix(run_yaml: Path, override: str, words: tuple[str, ...]) -> None:
    message = refusal(run_yaml, override)
    assert all(word in message for word in words), message
    assert str(run_yaml) in message


@pytest.mark.parametrize("key", ["name", "out", "sources"])
def test_a_missing_key_is_named(run_yaml: Path, key: str) -> None:
    tree = yaml.safe_load(run_yaml.read_text())
    del tree[key]
    run_yaml.write_text(yaml.safe_dump(tree))
    assert f"`{key}` is missing. Add it" in refusal(run_yaml)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("row_length", ("--set row_length", "key.path=value")),
        ("=3", ("--set =3", "key.path=value")),
        ("sources.9.name=x", ("`9`", "3 items", "docs, stamps, prompts")),
        ("sources.stmaps.path=x", ("`stmaps`", "docs, stamps, prompts")),
        ("row_length.deep=1", ("`deep`", "4096", "Check the key path")),
        ("seed=[1", ("'[1'", "not YAML")),
    ],
)
def test_an_override_that_leads_nowhere_is_refused(run_yaml: Path, override: str, words: tuple[str, ...]) -> None:
    message = refusal(run_yaml, override)
    assert all(word in message for word in words), message


def test_overrides_reach_by_index_and_by_name_and_later_ones_win(run_yaml: Path) -> None:
    config = load_run(
        run_yaml,
        [
            "sources.0.path=a.jsonl",
            "sources.stamps.path=b.tar",
            "tokenizers.image.steps=20",
            "tokenizers.image.steps=30",
            "pack.group_by=none",
            "limits={pixels: 5}",
            "sources.stamps.image=jpg;png",
        ],
        {"kind": "serial"},
    )
    assert [source.path for source in config.sources] == ["a.jsonl", "b.tar", "corpora/prompts.parquet"]
    assert config.sources[1].model_dump()["image"] == "jpg;png"
    assert isinstance(config.tokenizers.image, VqConfig)
    assert (config.tokenizers.image.steps, config.pack.group_by, config.limits.pixels) == (30, "none", 5)
    assert config.engine.kind == "serial"


@pytest.mark.parametrize(
    ("given", "instead", "taken"),
    [
        ("{kind: dask, workers: 2}", {"workers": 3}, ("dask", 3)),
        ("{kind: serial}", {"workers": 3}, ("dask", 3)),
        ("{kind: beam, workers: 2}", {"workers": 3}, ("beam", 3)),
        ("{kind: beam, workers: 2}", {"kind": "dask", "workers": 3}, ("dask", 3)),
        ("{kind: beam, workers: 2}", {"kind": "beam"}, ("beam", None)),
    ],
)
def test_workers_alone_are_of_dask_unless_the_file_says_beam(
    run_yaml: Path, given: str, instead: dict[str, Any], taken: tuple[str, int | None]
) -> None:
    engine = load_run(run_yaml, [f"engine={given}"], instead).engine
    assert (engine.kind, getattr(engine, "workers", None)) == taken


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"- a\n- b\n", ("list", "not a mapping")),
        (b"", ("NoneType", "not a mapping")),
        (b"a: [1\n", ("cannot be read as YAML",)),
        (b"a: \xff\n", ("cannot be read as YAML",)),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, content: bytes, words: tuple[str, ...]) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    message = refusal(path)
    assert all(word in message for word in words), message


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.yaml")
    assert "cannot be read" in refusal(tmp_path)
