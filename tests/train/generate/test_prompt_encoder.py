"""Prompts as codes: what is given stays, what is to be generated is MASKED, and lengths that cannot be are refused."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from triptych.schemas.config.model import Task
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import Kind, Modality, Vocabulary
from triptych.train.generate.lengths import Lengths
from triptych.train.generate.prompt_encoder import PromptEncoder
from triptych.train.generate.samples import MASKED


class Letters:
    """A text tokenizer of bytes."""

    def encode(self, texts: list[str]) -> tuple[Any, Any]:
        codes = np.frombuffer("".join(texts).encode(), np.uint8).astype(np.uint32)
        return codes, np.cumsum([0, *map(len, texts)])

    def decode(self, codes: Any) -> str:
        return bytes(np.asarray(codes, np.uint8)).decode()


@pytest.fixture
def encoder() -> PromptEncoder:
    """Of a model of texts of 9 letters and of pairs of a text with 8 frames of speech, 2 codebooks each."""

    class Parts(dict[Modality, Any]):
        text, image = Letters(), SimpleNamespace(tokens=16)

    kinds = {"kind": [Kind.TEXT.code, Kind.AUDIO_TEXT.code, Kind.IMAGE_TEXT.code]}
    table = pa.table(kinds | {"text": [10, 4, 4], "image": [0, 0, 16], "audio": [0, 16, 0], "count": [1, 1, 1]})
    bundle: Any = Parts.fromkeys((Modality.TEXT, Modality.IMAGE, Modality.AUDIO))
    vocabulary = Vocabulary(text=256, image=8, audio=(8, 8))
    return PromptEncoder("runs/first", bundle, Lengths(table), vocabulary, causal=False)


def test_what_is_generated_follows_what_is_given(encoder: PromptEncoder) -> None:
    codes = encoder.codes(Task.TEXT, "ab", None, 0.5)[Modality.TEXT]
    assert codes.tolist() == [97, 98, *[MASKED] * 7]  # 9 letters in all, as in training
    assert encoder.codes(Task.TEXT, "ab", 3, 0.5)[Modality.TEXT].tolist() == [97, 98, *[MASKED] * 3]
    assert encoder.codes(Task.TEXT, "a<gap:2>b", None, 0.5)[Modality.TEXT].tolist() == [97, MASKED, MASKED, 98]
    speech = encoder.codes(Task.T2S, "abc", None, 0.5)
    assert speech[Modality.TEXT].tolist() == [97, 98, 99]
    assert speech[Modality.AUDIO].tolist() == [MASKED] * 16
    assert encoder.codes(Task.T2S, "abc", 6, 0.5)[Modality.AUDIO].tolist() == [MASKED] * 6


@pytest.mark.parametrize(
    ("task", "prompt", "length", "said"),
    [
        (Task.T2S, "abc", 5, "a frame of audio has 2 tokens. Give a multiple, such as 4 or 6"),
        (Task.T2S, "abc", 1, "a frame of audio has 2 tokens. Give a multiple, such as 2"),
        (Task.T2I, "abc", 15, "task t2i generates images, and each has 16 tokens"),
        (Task.TEXT, "a<gap:2>b", 2, "a prompt has gaps, which give the number of tokens themselves"),
    ],
)
def test_a_length_that_cannot_be_is_refused(
    encoder: PromptEncoder, task: Task, prompt: str, length: int, said: str
) -> None:
    with pytest.raises(Refusal, match=said):
        encoder.codes(task, prompt, length, 0.5)
