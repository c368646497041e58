"""Clips edited in every way that has to be found, speech said twice that must not be, and the form of it all."""

import pickle
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile

from triptych.pipelines.dedup.audio.near import LEAST_FRAMES, Fingerprint
from triptych.tokenizers.audio.decode_clip import resample
from triptych.tokenizers.protocol import Wave

from ..babble import babble

RATE = 16000
NEAR = Fingerprint(30.0)


def file_of(wave: Wave, rate: int = RATE, container: str = "WAV", subtype: str | None = "PCM_16") -> bytes:
    sink = BytesIO()
    soundfile.write(sink, np.clip(wave, -1, 1), rate, format=container, subtype=subtype)
    return sink.getvalue()


def noisy(wave: Wave, decibels: float) -> Wave:
    power = np.square(wave).mean() / 10 ** (decibels / 10)
    noise = np.random.default_rng(0).standard_normal(len(wave)).astype(np.float32)
    return np.asarray(wave + np.sqrt(power) * noise)


HALF = RATE // 2
EDITS: dict[str, Any] = {
    "softer": lambda wave: file_of(0.1 * wave),
    "8 kHz": lambda wave: file_of(resample(wave, RATE, 8000), 8000),
    "24 kHz": lambda wave: file_of(resample(wave, RATE, 24000), 24000),
    "44.1 kHz": lambda wave: file_of(resample(wave, RATE, 44100), 44100),
    "MP3": lambda wave: file_of(wave, container="MP3", subtype=None),
    "Opus": lambda wave: file_of(wave, container="OGG", subtype="OPUS"),
    "noise": lambda wave: file_of(noisy(wave, 20)),
    "cut at start": lambda wave: file_of(wave[HALF:]),
    "cut at end": lambda wave: file_of(wave[:-HALF]),
    "cut at both": lambda wave: file_of(wave[HALF:-HALF]),
    "all at once": lambda wave: file_of(noisy(0.2 * wave, 20)[1234:-4321], container="OGG", subtype="VORBIS"),
}


def sign(*clips: bytes | None) -> pa.ListArray:
    return NEAR.sign(pa.chunked_array([clips[:1], clips[1:]], pa.binary()))


def candidates(signatures: pa.ListArray) -> set[tuple[int, int]]:
    keyed = NEAR.keys(signatures)
    order = np.lexsort((keyed.owner, keyed.key))
    left, right = NEAR.pairs(keyed.key[order], keyed.sketch[order])
    assert (left < right).all()
    owner = keyed.owner[order]
    return set(zip(owner[left].tolist(), owner[right].tolist(), strict=True))


@pytest.fixture(scope="module")
def speech() -> list[Wave]:
    """The same four sentences in two voices, and each at two rates; 16 kHz."""
    pytest.importorskip("espeakng_loader")
    from triptych.cli.demo.espeak import SAMPLE_RATE, Utterance, speak

    names = ["Ada", "Bo", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal", "Ina", "Jo"]
    said = [
        Utterance(f"My name is {name}, and seven is the number that I like best.", voice, rate, 50)
        for name in names
        for voice, rate in (("en-us", 130), ("en-us", 150), ("en-us+f2", 130))
    ]
    return [resample(wave.astype(np.float32) / np.float32(32768), SAMPLE_RATE, RATE) for wave in speak(said)]


@pytest.fixture(scope="module")
def originals(speech: list[Wave]) -> pa.ListArray:
    return sign(*map(file_of, speech))


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_is_found_and_nothing_else(edit: str, speech: list[Wave], originals: pa.ListArray) -> None:
    count = len(speech)
    signatures = pa.concat_arrays([originals, sign(*map(EDITS[edit], speech))])
    pairs = sorted(candidates(signatures))
    left, right = (signatures.take(pa.array(side)) for side in zip(*pairs, strict=True))
    alike = {pair for pair, same in zip(pairs, NEAR.alike(left, right), strict=True) if same}
    assert alike == {(number, number + count) for number in range(count)}


def test_alike_is_symmetric_and_needs_no_candidates(speech: list[Wave], originals: pa.ListArray) -> None:
    signatures = pa.concat_arrays([originals.slice(0, 6), sign(*map(EDITS["noise"], speech[:6]))])
    left, right = (pa.array(side.ravel()) for side in np.mgrid[:12, :12])
    one, other = signatures.take(left), signatures.take(right)
    alike = NEAR.alike(one, other).reshape(12, 12)
    assert (alike == (np.arange(12)[:, None] % 6 == np.arange(12) % 6)).all()
    assert (alike == NEAR.alike(other, one).reshape(12, 12)).all()


def test_pieces_do_not_show(originals: pa.ListArray, monkeypatch: pytest.MonkeyPatch) -> None:
    signatures = pa.concat_arrays([originals, originals])
    whole, found = NEAR.alike(originals, originals), candidates(signatures)
    assert whole.all()
    monkeypatch.setattr("triptych.pipelines.dedup.audio.near.PIECE", 100)
    assert (NEAR.alike(originals, originals) == whole).all()
    assert candidates(signatures) == found


def test_what_cannot_be_judged_is_null() -> None:
    sound = babble(0, 1.0)
    short = babble(0, LEAST_FRAMES / 125 - 0.05)
    long = np.tile(sound, 31)
    clips = [file_of(wave, 8000) for wave in (sound, short, np.zeros(8000, np.float32), long)]
    signatures = sign(*clips, None, b"", b"no clip")
    assert signatures.type == pa.list_(pa.uint32())
    assert signatures.is_valid().to_pylist() == [True] + 6 * [False]
    assert sign(b"", clips[0])[1] == signatures[0]
    assert sign(b"").null_count == 1


def test_nothing_gives_nothing() -> None:
    empty = NEAR.sign(pa.chunked_array([], pa.binary()))
    assert empty.type == pa.list_(pa.uint32())
    keyed = NEAR.keys(empty)
    assert [len(part) for part in (keyed.owner, keyed.key, keyed.sketch)] == [0, 0, 0]
    assert [len(part) for part in NEAR.pairs(keyed.key, keyed.sketch)] == [0, 0]
    assert not len(NEAR.alike(empty, empty))


def test_keys_are_few_and_a_clip_has_none_twice() -> None:
    keyed = NEAR.keys(sign(*(file_of(babble(seed, seconds), 8000) for seed, seconds in enumerate((1.0, 4.0)))))
    assert [np.count_nonzero(keyed.owner == owner) for owner in (0, 1)] == [27, 39]
    assert len(np.unique(np.stack([keyed.owner.astype(np.uint64), keyed.key]), axis=1).T) == 66
    assert keyed.key.dtype == keyed.sketch.dtype == np.uint64


def test_sketches_sort_out_candidates_early() -> None:
    key = np.zeros(4, np.uint64)
    loud, other = 0xFFFF5555FFFF5555, 0xFFFFAAAAFFFFAAAA
    left, right = NEAR.pairs(key, np.array([loud, other, loud, 0], np.uint64))
    pairs = set(zip(left.tolist(), right.tolist(), strict=True))
    assert pairs == {(0, 2), (0, 3), (1, 3), (2, 3)}  # what says nothing goes on


def test_it_can_travel_and_says_what_it_does() -> None:
    assert pickle.loads(pickle.dumps(NEAR)) == NEAR
    assert NEAR.column == "audio"
    assert NEAR.identity() != Fingerprint(60.0).identity()
    assert NEAR.report()["near"] == "fingerprint"
