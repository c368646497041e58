"""Codes are those that the tokenizer gives for each row alone; what cannot be decoded is dropped with its reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from triptych.pipelines.tokenize.encode import BATCH, EncodeAudio, EncodeImages, EncodeText
from triptych.schemas.config.run import Limits
from triptych.schemas.config.tokenizers import RvqConfig, SentencePieceConfig, VqConfig
from triptych.schemas.dataset.tables import RAW, sample_schema
from triptych.schemas.storage.store import Store
from triptych.tokenizers.audio.decode_clip import wave_of
from triptych.tokenizers.image.decode_picture import square
from triptych.tokenizers.registry import load_audio, load_image, load_text

SIZES = {"text": 400, "image": 64, "audio": 32}


def raw(kind: str, **columns: Any) -> pa.Table:
    count = len(columns["text"])
    origin = {"id": [bytes([i]) * 16 for i in range(count)], "source": ["s"] * count, "kind": [kind] * count}
    origin |= {"file": ["f"] * count, "row": list(range(count)), "license": [None] * count}
    names = [name for name in RAW.names if name in origin or name in columns]
    return pa.table(origin | columns, schema=pa.schema([RAW.field(name) for name in names]))


def common(**changed: Any) -> dict[str, Any]:
    settings = {"store": Store("memory://encode"), "where": None, "fingerprint": "f", "sizes": SIZES}
    return settings | {"limits": Limits(), "threads": 1} | changed


@pytest.mark.parametrize("fast", [False, True])
def test_texts_become_samples_with_every_column(text_model: Path, fast: bool) -> None:
    config = SentencePieceConfig(path=str(text_model))
    texts = ["kalo né", "ü", "renta shi, vorpa.\n"]
    outcome = EncodeText(config=config, fast=fast, **common()).run(raw("text", text=texts))
    assert outcome.table.schema == sample_schema(SIZES)
    rows = outcome.table.to_pylist()
    tokenizer = load_text(config)
    assert [tokenizer.decode(row["text"]) for row in rows] == texts
    assert [row["text_bytes"] for row in rows] == [8, 2, 18]
    assert {(row["image"], row["audio"], row["pixels"], row["samples"]) for row in rows} == {(None, None, 0, 0)}
    tokens = sum(len(row["text"]) for row in rows)
    assert outcome.note == {"tokens": tokens}
    (tally,) = outcome.tallies
    assert (tally.stage, tally.rows_in, tally.kept, tally.tokens_in, tally.tokens_kept) == (
        "text",
        3,
        3,
        tokens,
        tokens,
    )


def test_pictures_become_codes_over_several_batches(made: Path, makers: Any) -> None:
    config = VqConfig(path=f"{made}/tokenizers/image", size=16)
    pictures = [makers.picture(i) for i in range(BATCH + 4)]
    bad = {0: "image_empty", BATCH: "image_undecodable"}
    pictures[0], pictures[BATCH] = b"", b"no picture"
    table = raw("image-text", text=["a"] * len(pictures), image=pictures)
    outcome = EncodeImages(config=config, **common()).run(table)
    dropped = dict(zip(*(outcome.dropped[name].to_pylist() for name in ("row", "reason")), strict=True))
    assert dropped == bad
    tokenizer = load_image(config)
    wanted = [np.asarray(tokenizer.encode(square(pictures[i], 16, 10**6)[None])[0]) for i in (1, BATCH - 1, BATCH + 1)]
    rows = {row["row"]: row for row in outcome.table.to_pylist()}
    assert [rows[i]["image"] for i in (1, BATCH - 1, BATCH + 1)] == [codes.reshape(-1).tolist() for codes in wanted]
    assert rows.keys() == set(range(len(pictures))) - bad.keys()
    assert {row["pixels"] for row in rows.values()} == {256}
    assert outcome.note == {"tokens": 16 * len(rows)}


def test_clips_become_frames_of_codes_one_after_another(made: Path, makers: Any) -> None:
    config = RvqConfig(path=f"{made}/tokenizers/audio")
    clips = [makers.clip(0, 0.3), b"no clip", makers.clip(1, 0.5)]
    outcome = EncodeAudio(config=config, **common()).run(raw("audio-text", text=["a"] * 3, audio=clips))
    tokenizer = load_audio(config)
    waves = [wave_of(clips[i], tokenizer.sample_rate, 60) for i in (0, 2)]
    codes = [frames.reshape(-1).tolist() for frames in tokenizer.encode(waves)]
    assert outcome.table["audio"].to_pylist() == codes
    assert outcome.table["samples"].to_pylist() == [4800, 8000]
    assert outcome.dropped["reason"].to_pylist() == ["audio_undecodable"]
    assert outcome.note == {"tokens": sum(map(len, codes))}


def test_only_text_depends_on_the_size_of_the_text_vocabulary() -> None:
    for larger, changes in ((SIZES | {"text": 1 << 17}, True), (SIZES | {"text": 500}, False)):
        images = [EncodeImages(config=VqConfig(), **common(sizes=sizes)).identity() for sizes in (SIZES, larger)]
        texts = [
            EncodeText(config=SentencePieceConfig(), fast=False, **common(sizes=sizes)).identity()
            for sizes in (SIZES, larger)
        ]
        assert images[0] == images[1]
        assert (texts[0] != texts[1]) is changes
