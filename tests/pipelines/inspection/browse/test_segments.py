"""Rows as strips, segments token by token, pictures and clips beside their originals."""

from pathlib import Path

import numpy as np
import pytest

from triptych.pipelines.inspection.browse.browsed import BrowsedDataset
from triptych.pipelines.inspection.browse.draw import draw_segments
from triptych.pipelines.inspection.browse.media import difference, peaks, psnr, sound_of, spectrogram, wav
from triptych.pipelines.inspection.browse.original_media import Missing
from triptych.pipelines.inspection.browse.roundtrip import round_trips
from triptych.pipelines.inspection.browse.row_strips import row_strips
from triptych.pipelines.inspection.browse.segment_media import SegmentMedia
from triptych.pipelines.inspection.browse.text_pieces import text_pieces
from triptych.pipelines.inspection.show import show_row
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import Modality
from triptych.tokenizers.text.sentencepiece_text import SentencePieceText


def places_of(media: SegmentMedia, kind: str) -> list[tuple[int, int]]:
    return [
        (strips.row, one.number)
        for strips in row_strips(media.dataset, 0, media.dataset.rows)
        for one in strips.strips
        if one.kind == kind
    ]


def test_strips_cover_what_the_rows_hold(browsed: BrowsedDataset) -> None:
    rows = list(row_strips(browsed, 0, browsed.rows + 5))
    assert [each.row for each in rows] == list(range(browsed.rows))
    assert sum(each.filled for each in rows) == browsed.manifest.statistics.filled
    for each in rows:
        packed = browsed.row(each.row)
        assert each.filled == int(np.count_nonzero(packed.segment))
        assert [one.id for one in each.strips] == [segment["id"].hex() for segment in packed.segments]
        assert sum(len(one.spans) for one in each.strips) == len(packed.spans)


def test_texts_are_those_of_show(made: Path, media: SegmentMedia) -> None:
    for row in (0, media.dataset.rows - 1):
        for shown in show_row(Dataset(str(made)), row):
            assert media.text(row, shown.number) == (shown.text or "")


def test_pieces_join_to_the_text(media: SegmentMedia) -> None:
    for place in places_of(media, "text")[:10]:
        pieces = media.pieces(media.detail(*place))
        assert len(pieces) == len(media.detail(*place).codes[Modality.TEXT].codes)
        if all(piece.whole for piece in pieces):
            assert "".join(piece.text for piece in pieces) == media.text(*place)


def test_a_part_of_a_character_is_shown_as_bytes(text_model: Path) -> None:
    tokenizer = SentencePieceText(str(text_model))
    codes, _ = tokenizer.encode(["a\N{SNOWMAN}b"])
    pieces = text_pieces(tokenizer, codes)
    assert "".join(piece.text for piece in pieces if piece.whole) == "ab"
    assert [piece.text for piece in pieces if not piece.whole] == ["E2", "98", "83"]


def test_there_is_no_segment_beyond_the_last(media: SegmentMedia) -> None:
    of = media.detail(0, 1).of
    with pytest.raises(Refusal, match=f"segments 1 to {of}"):
        media.detail(0, of + 1)


def test_originals_are_read_again(media: SegmentMedia, makers: type) -> None:
    row, number = places_of(media, "image-text")[0]
    detail = media.detail(row, number)
    assert detail.origin["source"] == "stamps"
    seen, decoded = media.original_image(row, number), media.image(row, number)
    assert not isinstance(seen, Missing)
    assert seen.shape == decoded.shape == (16, 16, 3)
    whole = media.original_image(row, number, whole=True)
    assert not isinstance(whole, Missing)
    assert whole.shape == (36, 40, 3)
    row, number = places_of(media, "audio-text")[0]
    wave = media.original_wave(row, number)
    assert not isinstance(wave, Missing)
    assert abs(len(wave) - len(media.wave(row, number))) < 0.05 * 16000
    row, number = places_of(media, "text")[0]
    text = media.original(row, number, Modality.TEXT)
    assert isinstance(text, str)
    assert media.text(row, number) in text


def test_originals_that_are_gone_say_why(copy: Path, tmp_path: Path) -> None:
    (copy / "run.json").unlink()
    media = SegmentMedia(BrowsedDataset(str(copy), str(tmp_path / "cache")))
    found = media.original_image(*places_of(media, "image-text")[0])
    assert isinstance(found, Missing)
    assert "does not say where its sources are" in found.why


def test_round_trips_measure_every_modality(media: SegmentMedia) -> None:
    trips = {trip.modality: trip for trip in round_trips(media)}
    assert {name: trip.read for name, trip in trips.items()} == {"text": 10, "image": 10, "audio": 10}
    assert trips["text"].exact == 10
    assert 0 < trips["image"].least <= trips["image"].mean <= trips["image"].most < 60
    assert 0 < trips["audio"].mean < 80


def test_a_draw_depends_on_its_seed_alone(browsed: BrowsedDataset) -> None:
    first = draw_segments(browsed, 8, 3)
    assert first == draw_segments(browsed, 8, 3) != draw_segments(browsed, 8, 4)
    assert len({row for row, _ in first}) == len(first) == 8
    kinds = {
        browsed.row(row).segments[number - 1]["source"] for row, number in draw_segments(browsed, 3, 0, "image-text")
    }
    assert kinds == {"stamps"}
    assert len(set(draw_segments(browsed, 10_000, 0))) == sum(
        len(browsed.row(row).segments) for row in range(browsed.rows)
    )


def test_media_are_drawn() -> None:
    wave = np.sin(np.linspace(0, 2000, 8000)).astype(np.float32) * 0.5
    drawn = peaks(wave, 100)
    assert len(drawn) == 100
    assert min(low for low, _ in drawn) == pytest.approx(-0.5, abs=0.01)
    assert spectrogram(wave, 16000).shape == (96, 59, 3)
    assert spectrogram(wave[:10], 16000).shape[0] == 96
    assert wav(wave, 16000)[:4] == b"RIFF"
    facts = sound_of(wave, 16000)
    assert facts.seconds == 0.5
    assert facts.rms == pytest.approx(-9.03, abs=0.05)
    assert sound_of(wave[:0], 16000).seconds == 0
    black, white = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)
    assert psnr(black, black) == float("inf")
    assert psnr(black, white) == 0
    assert np.array_equal(difference(black, white), white)
