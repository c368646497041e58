"""Codes become segments whose targets are the masked codes, and what a model cannot do is refused before it runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from triptych.model.network.export import Exported, Objective
from triptych.model.network.init import initialise
from triptych.model.network.presets import Shape
from triptych.model.network.transformer import Transformer
from triptych.model.sampling.canvas import inputs_of
from triptych.schemas.config.model import Task
from triptych.schemas.config.tokenizers import Tokenizers
from triptych.schemas.dataset.tokenizer_card import Card
from triptych.schemas.errors import Refusal
from triptych.schemas.vocabulary import Modality, Special, Vocabulary
from triptych.tokenizers.bundle import Bundle
from triptych.train.generate.generator import Generator
from triptych.train.generate.lengths import Lengths
from triptych.train.generate.samples import MASKED

VOCABULARY = Vocabulary(text=40, image=24)
TEXT, IMAGE = 256, 296  # first ids
SHAPE = Shape(depth=1, width=64, head_size=64, hidden=128, width_ratio=0.125, depth_ratio=0.25, alpha=1.0)


def made(objective: Objective = "masked") -> Generator:
    """An untrained model of text and images; its tokenizers are never loaded here."""
    model = Transformer(SHAPE, VOCABULARY)
    initialise(model, 0)
    sizes = {"text": (40,), "image": (24,)}
    cards = {name: Card(modality=name, config={}, fingerprint="f" * 32, sizes=size) for name, size in sizes.items()}
    bundle = Bundle(Tokenizers(), cards, lambda name: name, "run")
    lengths = Lengths(pa.table({name: [0] for name in ("kind", "text", "image", "audio", "count")}))
    return Generator(Path("run"), Exported(model.eval(), VOCABULARY, objective), bundle, lengths)


def test_masked_codes_are_the_targets() -> None:
    codes = [
        {Modality.TEXT: np.array([3, 4]), Modality.IMAGE: np.array([MASKED, 7, MASKED])},
        {Modality.TEXT: np.array([5]), Modality.IMAGE: np.array([8, MASKED, MASKED])},
    ]
    canvas = made().canvas(Task.T2I, codes)
    first = [Special.T2I, TEXT + 3, TEXT + 4, Special.EOS, Special.BOI, IMAGE, IMAGE + 7, IMAGE, Special.EOI]
    assert canvas.tokens_T[:9].tolist() == first
    assert canvas.target_T.nonzero()[:, 0].tolist() == [5, 7, 9 + 5, 9 + 6]
    assert canvas.index_T.tolist() == [0] * 9 + [1] * 8
    given = [TEXT + 3, TEXT + 4, Special.EOS, TEXT + 5, Special.EOS]
    assert canvas.tokens_T[canvas.given_T].tolist() == given


def test_an_autoregressive_model_has_one_task_for_pairs_and_no_guidance() -> None:
    pair = [{Modality.TEXT: np.array([3]), Modality.IMAGE: np.array([MASKED])}]
    text = [{Modality.TEXT: np.array([MASKED])}]
    causal, masked = made("autoregressive"), made()
    assert causal.causal
    assert not masked.causal
    assert int(causal.canvas(Task.T2I, pair).tokens_T[0]) == Special.JOINT
    assert int(causal.canvas(Task.TEXT, text).tokens_T[0]) == Special.TEXT
    assert int(masked.canvas(Task.T2I, pair).tokens_T[0]) == Special.T2I
    assert causal.defaults(Task.T2I).guidance == 0 < masked.defaults(Task.T2I).guidance


def test_logits_give_the_cross_entropies_of_the_training_pass() -> None:
    generator = made()
    codes = [{Modality.TEXT: np.array([MASKED, 4, MASKED]), Modality.IMAGE: np.array([MASKED, 7])}]
    canvas = generator.canvas(Task.JOINT, codes)
    inputs, _ = inputs_of(canvas, generator.slices, canvas.masked_tokens, canvas.target_T)
    assert inputs.groups == ((1, 2), (2, 1))
    with torch.no_grad():
        nats_N, _ = generator.model(inputs)
        logits = generator.logits(inputs)
    assert [one.shape for one in logits] == [(2, 41), (1, 24)]
    found = [-one.log_softmax(-1) for one in logits]
    classes = inputs.class_N.tolist()
    each = [found[0][0, classes[0]], found[0][1, classes[1]], found[1][0, classes[2]]]
    assert torch.allclose(torch.stack(each), nats_N, atol=1e-5)


@pytest.mark.parametrize(
    ("objective", "task", "said"),
    [
        ("masked", Task.JOINT, "task joint: has no prompt"),
        ("masked", Task.T2S, "task t2s needs audio, and the model was trained without it"),
        ("autoregressive", Task.I2T, "generates text before image. Use a masked run"),
    ],
)
def test_what_a_model_cannot_do_is_refused(objective: Objective, task: Task, said: str) -> None:
    with pytest.raises(Refusal, match=said.replace(".", r"\.")):
        made(objective).generate(task, ["ka lo"])


def test_a_run_at_a_url_is_named_by_it() -> None:
    remote = replace(made("autoregressive"), url="s3://bucket/runs/first")
    with pytest.raises(Refusal, match="s3://bucket/runs/first: an autoregressive model generates a text from left"):
        remote.segments(Task.TEXT, [np.array([3, MASKED, 4])])
