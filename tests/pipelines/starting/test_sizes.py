"""Row length and vocabulary by the clips and texts of the sources."""

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from triptych.pipelines.starting.sizes import MARGIN, SOUND_TOKENS, row_length_of, sizes_of
from triptych.schemas.config.run import Limits
from triptych.schemas.config.sources import Source


def source(**tree: Any) -> Source:
    found: Source = TypeAdapter(Source).validate_python({"name": "src", **tree})
    return found


def test_the_longest_clip_and_all_text_decide(tmp_path: Path, makers: Any) -> None:
    members = {"0.wav": makers.clip(0, 1.0, 8000, "WAV"), "0.txt": b"a", "1.wav": makers.clip(1, 30.0, 8000, "WAV")}
    makers.write_tar(tmp_path / "a.tar", members | {"1.txt": b"b"})
    (tmp_path / "a.jsonl").write_text((json.dumps({"text": "x" * 990}) + "\n") * 300)
    clips = source(kind="webdataset", path=f"{tmp_path}/a.tar", modality="audio-text", audio="wav", text="txt")
    texts = source(kind="jsonl", path=f"{tmp_path}/a.jsonl", text="text")
    found = sizes_of([clips, texts], Limits())
    assert found.modalities == {"text", "audio"}
    assert found.row_length == 16384 >= 30 * MARGIN * SOUND_TOKENS
    assert "A clip of 30 s" in found.row_ground
    assert found.vocab_size == 1000
    assert found.text_ground == "There is about 0.3 MB of text."


def test_a_source_of_which_nothing_is_kept_decides_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{broken\n")
    found = sizes_of([source(kind="jsonl", path=f"{tmp_path}/a.jsonl", text="text")], Limits())
    assert (found.row_length, found.vocab_size) == (row_length_of(0.0)[0], 300)
