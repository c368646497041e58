"""A run that cannot give a dataset is refused before any work: a missing tokenizer, or a row without room."""

from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.preflight import check_run
from triptych.schemas.config.run import RunConfig
from triptych.schemas.errors import Refusal


def run(row_length: int = 512, text: dict[str, Any] | None = None, image: dict[str, Any] | None = None) -> RunConfig:
    source = {"name": "stamps", "kind": "parquet", "path": "stamps", "text": "text", "image": "image"}
    tokenizers = {"text": text or {"kind": "sentencepiece"}, "image": image or {"kind": "vq"}}
    tree = {"name": "run", "out": "out", "sources": [source], "tokenizers": tokenizers, "row_length": row_length}
    return RunConfig.model_validate(tree)


@pytest.mark.parametrize(("size", "downsample"), [(32, 4), (64, 8), (64, 16), (128, 8)])
def test_a_row_has_room_for_one_image_and_a_caption_of_one_token(size: int, downsample: int) -> None:
    # the task, one token and the end of the text, and an image between its two marks
    needed = 1 + 1 + 1 + (size // downsample) ** 2 + 2
    image = {"kind": "vq", "size": size, "downsample": downsample}
    check_run(run(needed, image=image))
    with pytest.raises(Refusal, match=rf"row_length: {needed - 1} .*`stamps`.* at least {needed}\."):
        check_run(run(needed - 1, image=image))


def test_a_text_needs_no_room_for_an_image() -> None:
    source = {"name": "docs", "kind": "jsonl", "path": "docs", "text": "text"}
    check_run(RunConfig.model_validate({"name": "run", "out": "out", "sources": [source], "row_length": 16}))


def test_a_missing_tokenizer_is_refused_and_one_that_is_there_is_not(tmp_path: Path) -> None:
    path = tmp_path / "text.model"
    text = {"kind": "sentencepiece", "path": str(path)}
    with pytest.raises(Refusal, match=r"tokenizers\.text\.path: .*leave `path` out to train one"):
        check_run(run(text=text))
    path.write_bytes(b"model")
    check_run(run(text=text))
    with pytest.raises(Refusal) as refused:
        check_run(run(text={"kind": "huggingface", "path": str(tmp_path / "tokenizer.json")}))
    assert "to train one" not in str(refused.value)  # that kind cannot be trained


def test_only_kinds_that_are_on_a_hub_may_have_its_names() -> None:
    check_run(run(image={"kind": "vq", "path": "owner/name"}))
    check_run(run(image={"kind": "vq", "path": "owner/name/subfolder"}))
    for path in ("name", "owner/name/sub/folder", "./owner/name of it"):
        with pytest.raises(Refusal, match=r"tokenizers\.image\.path"):
            check_run(run(image={"kind": "vq", "path": path}))
    with pytest.raises(Refusal, match=r"tokenizers\.text\.path: owner/name does not exist"):
        check_run(run(text={"kind": "sentencepiece", "path": "owner/name"}))
