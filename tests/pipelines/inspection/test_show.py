"""A document is shown as its pieces in order, and what does not exist is said to be so."""

import io
from pathlib import Path
from typing import Any

import pytest

from triptych.pipelines.inspection.find_documents import find_segments
from triptych.pipelines.inspection.show import DecodedSegment, show_cluster, show_places, show_row
from triptych.schemas.dataset.reader import Dataset
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import Kind


@pytest.fixture(scope="module")
def dataset(made: Path) -> Dataset:
    return Dataset(str(made))


def shown_of(dataset: Dataset, kind: Kind) -> tuple[bytes, DecodedSegment]:
    """The first segment of a kind, as its row shows it, and the id of its document."""
    rows = ((index, dataset.row(index)) for index in range(dataset.rows))
    index = next(index for index, row in rows if any(each["kind"] == kind.code for each in row.segments))
    shown = next(each for each in show_row(dataset, index) if each.kind is kind)
    return shown.segment["id"], shown


def test_a_split_text_is_shown_from_its_beginning(dataset: Dataset, makers: Any) -> None:
    split = {each["id"] for i in range(dataset.rows) for each in dataset.row(i).segments if not each["last"]}
    pieces = list(show_places(dataset, find_segments(dataset, [min(split)])))
    assert len(pieces) > 1
    offsets = [piece.segment["offset"] for piece in pieces]
    assert (offsets[0], offsets) == (0, sorted(offsets))
    origin = pieces[0].segment
    text = makers.words(1000 * int(origin["file"][0]) + origin["row"], 900)
    first, last = pieces[0].text, pieces[-1].text
    assert first
    assert last
    # a cut may fall within a character, whose two halves are shown as replacements
    assert text.startswith(first[:-2])
    assert text.endswith(last[2:])


def test_a_pair_is_shown_with_its_files(dataset: Dataset, makers: Any) -> None:
    import soundfile
    from PIL import Image

    document, picture = shown_of(dataset, Kind.IMAGE_TEXT)
    assert picture.files.keys() == {"txt", "png"}
    assert Image.open(io.BytesIO(picture.files["png"])).size == (16, 16)
    assert picture.text
    assert picture.text.encode() == picture.files["txt"]
    assert [each.files for each in show_places(dataset, find_segments(dataset, [document]))] == [picture.files]
    _, clip = shown_of(dataset, Kind.AUDIO_TEXT)
    assert clip.text == makers.words(7 * clip.segment["row"], 4)
    wave, rate = soundfile.read(io.BytesIO(clip.files["wav"]))
    assert rate == 16000
    # whole frames of 320 samples, of which the last may be filled up
    assert abs(len(wave) - clip.segment["samples"]) <= 320


def test_what_does_not_exist(dataset: Dataset) -> None:
    assert find_segments(dataset, [bytes(16)]) == []
    with pytest.raises(Refusal, match=rf"row {dataset.rows}: .* has rows 0 to {dataset.rows - 1}"):
        next(show_row(dataset, dataset.rows))
    most = sum(report.clusters for report in dataset.manifest.dedup)
    words = f"it has clusters 1 to {most}" if most else "it has none"
    with pytest.raises(Refusal, match=rf"cluster {most + 1}: .* has no such cluster of duplicates; {words}"):
        show_cluster(dataset, most + 1)
