import io
import json
import subprocess
import sys
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml
from click.testing import CliRunner
from PIL import Image

from triptych.cli.tokenizer import tokenizer
from triptych.schemas.errors import Refusal
from triptych.tokenizers.audio import recogniser

RATE = 16000


def call(*arguments: str | Path) -> Any:
    """What `--json` printed; an exception of the command comes through."""
    result = CliRunner().invoke(tokenizer, [str(a) for a in arguments], catch_exceptions=False, standalone_mode=False)
    return json.loads(result.stdout) if "--json" in arguments else result.stdout


def png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8).repeat(10, 0).repeat(12, 1)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


def wav(seed: int, rate: int = RATE) -> bytes:
    pitch = 200 + 50 * seed
    stream = io.BytesIO()
    soundfile.write(stream, 0.5 * np.sin(np.arange(rate // 2) * 2 * np.pi * pitch / rate), rate, format="wav")
    return stream.getvalue()


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    # beside other tests, two threads would wait for each other more than they work
    monkeypatch.setattr("triptych.pipelines.tokenize.train.TRAINING_THREADS", 1)


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    """Sources of all three modalities, each with a row that cannot be read."""
    texts = [topics[name] for name in sorted(topics)[:12]]
    lines = [json.dumps({"text": text}) for text in texts] + ["{no json"]
    (tmp_path / "docs.jsonl").write_text("\n".join(lines))
    media = pa.table(
        {
            "image": [*(png(i) for i in range(8)), b"no picture"],
            "audio": [*(wav(i) for i in range(8)), b"no clip"],
            "text": ["one clip"] * 9,
        }
    )
    pq.write_table(media, tmp_path / "media.parquet")
    run = {
        "name": "small",
        "out": str(tmp_path / "out"),
        "sources": [
            {"name": "docs", "kind": "jsonl", "path": str(tmp_path / "docs.jsonl"), "modality": "text", "text": "text"},
            {
                "name": "media",
                "kind": "parquet",
                "path": str(tmp_path / "media.parquet"),
                "modality": "image-audio-text",
                "image": "image",
                "audio": "audio",
                "text": "text",
            },
        ],
        "tokenizers": {
            "text": {"kind": "sentencepiece", "vocab_size": 500},
            "image": {"kind": "vq", "size": 32, "codes": 8, "steps": 2},
            "audio": {"kind": "rvq", "levels": 2, "codes": 4, "steps": 2},
        },
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(run))
    return tmp_path / "run.yaml"


def test_text_of_a_run_file(run_file: Path, tmp_path: Path) -> None:
    made = call("train", "text", "--run", run_file, "--out", tmp_path / "t", "--json")
    assert made["skipped"] == {"json_invalid": 1}
    report = call("check", "text", "--run", run_file, "--path", tmp_path / "t", "--held-out", "5", "--json")
    assert report["fingerprint"] == made["fingerprint"]
    assert (report["n"], report["exact"], report["size"]) == (5, 1.0, 500)
    assert report["bytes_per_token"] > 1.5


def test_the_same_command_gives_the_same_tokenizer(run_file: Path, tmp_path: Path) -> None:
    made = [call("train", "text", "--run", run_file, "--out", tmp_path / name, "--json") for name in "ab"]
    assert made[0]["fingerprint"] == made[1]["fingerprint"]
    other = call("train", "text", "--run", run_file, "--out", tmp_path / "c", "--set", "tokenizers.text.vocab_size=400")
    assert made[0]["fingerprint"] not in other


def test_pictures_of_a_run_file(run_file: Path, tmp_path: Path) -> None:
    made = call("train", "image", "--run", run_file, "--out", tmp_path / "v", "--json")
    assert made["skipped"] == {"image_undecodable": 1}
    report = call("check", "image", "--run", run_file, "--path", tmp_path / "v", "--json")
    assert (report["n"], report["tokens_per_picture"]) == (8, 16)
    assert report["psnr"] > 3
    assert 1 <= report["codes_used"] <= 8


def test_clips_of_a_run_file(run_file: Path, tmp_path: Path) -> None:
    made = call("train", "audio", "--run", run_file, "--out", tmp_path / "a", "--json")
    assert made["skipped"] == {"audio_undecodable": 1}
    report = call("check", "audio", "--run", run_file, "--path", tmp_path / "a", "--held-out", "3", "--json")
    assert report["n"] in (2, 3)  # the broken clip may be among the three
    assert report["log_mel_distance"] > 0
    assert ("word_error_rate" in report) == recogniser.available()


def test_plain_files_and_folders(tmp_path: Path) -> None:
    for i, name in enumerate(sorted(topics)[:6]):
        (tmp_path / "deep" / "er").mkdir(parents=True, exist_ok=True)
        (tmp_path / "deep" / "er" / f"{i}.txt").write_text(topics[name], encoding="utf-8")
    (tmp_path / "deep" / "latin1.txt").write_bytes(b"caf\xe9")
    (tmp_path / "deep" / "picture.png").write_bytes(png(0))
    size = ["--set", "tokenizers.text.vocab_size=400"]
    made = call("train", "text", tmp_path / "deep", "--out", tmp_path / "t", *size, "--json")
    assert made["skipped"] == {"utf8_invalid": 1}
    report = call("check", "text", tmp_path / "deep", "--path", tmp_path / "t", "--json")
    assert (report["n"], report["exact"], report["skipped"]) == (6, 1.0, {"utf8_invalid": 1})


def test_tables_are_for_reading(run_file: Path, tmp_path: Path) -> None:
    said = call("train", "text", "--run", run_file, "--out", tmp_path / "t")
    assert "Skipped: 1 json_invalid" in said
    said = call("check", "text", "--run", run_file, "--path", tmp_path / "t")
    assert "100.00%" in said
    assert "bytes per token" in said


def test_check_takes_the_path_of_the_run_file(run_file: Path, tmp_path: Path) -> None:
    made = call("train", "text", "--run", run_file, "--out", tmp_path / "t", "--json")
    run = yaml.safe_load(run_file.read_text())
    run["tokenizers"]["text"] = {"kind": "sentencepiece", "path": str(tmp_path / "t")}
    run_file.write_text(yaml.safe_dump(run))
    assert call("check", "text", "--run", run_file, "--json")["fingerprint"] == made["fingerprint"]
    with pytest.raises(Refusal, match="is already trained"):
        call("train", "text", "--run", run_file, "--out", tmp_path / "again")


def test_an_existing_folder_is_left_alone(run_file: Path, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "mine").write_text("keep")
    with pytest.raises(Refusal, match="already exists"):
        call("train", "text", "--run", run_file, "--out", tmp_path / "t")
    assert [p.name for p in (tmp_path / "t").iterdir()] == ["mine"]


def test_a_failed_training_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(Refusal, match="hold no text"):
        call("train", "text", tmp_path / "empty.txt", "--out", tmp_path / "t")
    assert [p.name for p in tmp_path.iterdir()] == ["empty.txt"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["train", "text", "nowhere", "--out", "t"], "nowhere: no such file or folder"),
        (["train", "image", ".", "--out", "t"], r"contains no file that ends in \.png"),
        (["train", "text", ".", "--out", "t", "--set", "tokenizers.text.vocabsize=9"], "Did you mean `vocab_size`"),
        (["check", "text", "a.txt"], "neither trained yet nor given"),
        (["check", "image", "broken.png", "--path", "t"], r"no config\.json|could be read"),
        (["train", "audio", "broken.wav", "--out", "t"], "1 audio_undecodable"),
        (["train", "image", "--run", "text.yaml", "--out", "t"], "no source contains image"),
    ],
)
def test_refusals_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("text")
    for name in ("broken.wav", "dir/broken.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\xff")
    if "broken.png" in arguments:
        (tmp_path / "broken.png").write_bytes(b"\xff")
        (tmp_path / "t").mkdir()
    source = {"name": "s", "kind": "jsonl", "path": "a.jsonl", "modality": "text", "text": "text"}
    (tmp_path / "text.yaml").write_text(yaml.safe_dump({"name": "r", "out": "o", "sources": [source]}))
    with pytest.raises(Refusal, match=why):
        call(*arguments)


@pytest.mark.parametrize("inputs", [[], ["a.txt", "--run", "run.yaml"]])
def test_inputs_are_one_of_two(inputs: list[str]) -> None:
    result = CliRunner().invoke(tokenizer, ["train", "text", *inputs, "--out", "t"])
    assert result.exit_code == 2
    assert "either --run, or files" in result.output


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, triptych.cli.tokenizer; print({'numpy', 'pydantic', 'rich', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()"
