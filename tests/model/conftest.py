"""Packed rows built by hand, in the layout of docs/reference/dataset-format.md."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from triptych.model.diffusion.batch import Batch
from triptych.schemas.vocabulary import Kind, Modality, Special, Vocabulary

VOCABULARY = Vocabulary(text=40, image=24, audio=(12, 10))


@dataclass
class Sample:
    """Codes of each half, counted from 0 in its own block; audio frame by frame."""

    text: list[int] | None = None
    image: list[int] | None = None
    audio: list[int] | None = None
    text_bytes: int = 7
    pixels: int = 64
    samples: int = 160

    @property
    def kind(self) -> Kind:
        names = {"image": self.image, "audio": self.audio, "text": self.text}
        return Kind("-".join(name for name, half in names.items() if half is not None))

    def places(self, vocabulary: Vocabulary) -> list[tuple[int, Modality, int]]:
        """(id, modality, index of the slice) of each token, task slot first."""
        index = {(block.modality, block.codebook): i for i, block in enumerate(vocabulary.slices)}
        start = {i: block.start for i, block in enumerate(vocabulary.slices)}
        out: list[tuple[int, Modality, int]] = [(Special.TASK, Modality.SPECIAL, 0)]
        if self.text is not None:
            block = index[Modality.TEXT, 0]
            out += [(start[block] + code, Modality.TEXT, block) for code in self.text]
            out += [(Special.EOS, Modality.TEXT, block)]
        if self.image is not None:
            block = index[Modality.IMAGE, 0]
            codes = [(start[block] + code, Modality.IMAGE, block) for code in self.image]
            out += [(Special.BOI, Modality.SPECIAL, 0), *codes, (Special.EOI, Modality.SPECIAL, 0)]
        if self.audio is not None:
            out += [(Special.BOA, Modality.SPECIAL, 0)]
            for at, code in enumerate(self.audio):
                block = index[Modality.AUDIO, at % len(vocabulary.audio)]
                out += [(start[block] + code, Modality.AUDIO, block)]
            out += [(Special.EOA, Modality.SPECIAL, 0)]
        return out


def pack(
    rows: list[list[Sample]],
    length: int,
    *,
    vocabulary: Vocabulary = VOCABULARY,
    numbers: list[int] | None = None,
    epoch: int = 0,
) -> Batch:
    """Rows of samples as a loader would give them."""
    count = len(rows)
    tokens, segment, modality, position, slices = (np.zeros((count, length), np.int64) for _ in range(5))
    table: list[tuple[int, ...]] = []
    for r, row in enumerate(rows):
        at = 0
        for number, sample in enumerate(row, start=1):
            places = sample.places(vocabulary)
            here = slice(at, at + len(places))
            tokens[r, here], modality[r, here], slices[r, here] = np.array(places).T
            segment[r, here], position[r, here] = number, np.arange(len(places))
            sizes = (sample.text_bytes, sample.pixels, sample.samples)
            table.append((r, number, at, len(places), sample.kind.code, 0, *sizes))
            at += len(places)
        assert at <= length
    columns = (torch.from_numpy(column.copy()) for column in np.array(table, np.int64).reshape(-1, 9).T)
    row_S, number_S, start_S, length_S, kind_S, source_S, text_bytes_S, pixels_S, samples_S = columns
    return Batch(
        torch.from_numpy(tokens),
        torch.from_numpy(segment).int(),
        torch.from_numpy(modality).to(torch.uint8),
        torch.from_numpy(position).int(),
        torch.from_numpy(slices).short(),
        torch.full((count,), epoch),
        torch.tensor(numbers if numbers is not None else range(count)),
        row_S,
        number_S,
        start_S,
        length_S,
        kind_S.to(torch.uint8),
        source_S.int(),
        text_bytes_S,
        pixels_S,
        samples_S,
    )


def random_sample(draw: np.random.Generator, kind: Kind, longest: int = 12) -> Sample:
    """A sample of a kind with halves of random content and length."""

    def codes(size: int, step: int = 1) -> list[int]:
        drawn: list[int] = draw.integers(0, size, step * int(draw.integers(1, longest + 1))).tolist()
        return drawn

    halves = kind.modalities
    levels = len(VOCABULARY.audio)
    return Sample(
        codes(VOCABULARY.text) if Modality.TEXT in halves else None,
        codes(VOCABULARY.image) if Modality.IMAGE in halves else None,
        codes(min(VOCABULARY.audio), levels) if Modality.AUDIO in halves else None,
    )


def random_rows(draw: np.random.Generator, count: int, length: int) -> list[list[Sample]]:
    """Rows of samples of all kinds, each as full as comes."""
    rows: list[list[Sample]] = []
    for _ in range(count):
        row: list[Sample] = []
        room = length
        while room:
            sample = random_sample(draw, list(Kind)[int(draw.integers(4))])
            used = len(sample.places(VOCABULARY))
            if used > room:
                break
            row.append(sample)
            room -= used
        rows.append(row)
    return rows


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(0)
