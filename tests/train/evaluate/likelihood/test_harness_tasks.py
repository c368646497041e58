"""The harness runs three tasks from local files with two tokenizers; its figures are those of a sum done by hand."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest
import torch

from triptych.model.network.export import Exported
from triptych.model.network.inputs import Inputs
from triptych.model.network.presets import shape_of
from triptych.model.network.transformer import Transformer
from triptych.schemas.config.model import ModelConfig
from triptych.schemas.vocabulary import Modality, Special, Vocabulary
from triptych.tokenizers.protocol import TextTokenizer
from triptych.train.evaluate.likelihood.lm_eval import harness_model
from triptych.train.generate.generator import Generator
from triptych.train.generate.lengths import Lengths

from .text_tokenizers import make_tokenizer

lm_eval = pytest.importorskip("lm_eval", reason="needs the extra `evaluate`")

QUESTIONS = [
    {"q": "The old dog sees", "choices": [" a red house", " the Names", " \u2460 river"], "gold": number % 3}
    for number in range(3)
]
PASSAGES = [{"context": "Naming the", "answer": " old names"}, {"context": "a Cat is", "answer": " able."}]
PAGES = [{"page": "The dog sees the snow. " * 4}, {"page": "\u6f22\u5b57 and names"}]


def open_random(
    tokenizer: TextTokenizer, folder: Path, objective: Literal["masked", "autoregressive"] = "autoregressive"
) -> Generator:
    """A model of random weights over the vocabulary of a tokenizer."""
    vocabulary = Vocabulary(text=tokenizer.size)
    model = Transformer(shape_of(ModelConfig(depth=1, width=64)), vocabulary, attention="dense")
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=draw) * 0.2)
    lengths = Lengths(pa.table({"kind": [0], "text": [200], "image": [0], "audio": [0], "count": [1]}))
    bundle: Any = SimpleNamespace(text=tokenizer)
    return Generator(folder, Exported(model.eval(), vocabulary, objective), bundle, lengths)


def log_p(generator: Generator, text: str) -> float:
    """Sum over the tokens of a text, each from a pass of its own over what stands before it."""
    codes = generator.bundle.text.encode([text])[0].astype(np.int64)
    first = generator.vocabulary.slice_of(Modality.TEXT).start
    ids, total = [int(Special.TEXT), *(codes + first).tolist()], 0.0
    for at in range(1, len(ids)):
        shown = torch.tensor([ids[:at]])
        inputs = Inputs(
            tokens_BL=shown,
            segment_BL=torch.ones_like(shown).int(),
            position_BL=torch.arange(at)[None].int(),
            slice_BL=torch.ones_like(shown),  # every position predicts a text
            query_N=torch.tensor([at - 1]),
            class_N=torch.zeros(1, dtype=torch.long),
            groups=((1, 1),),
            causal=True,
        )
        with torch.inference_mode():
            (logits_NC,) = generator.logits(inputs)
        total += float(logits_NC.log_softmax(-1)[0, codes[at - 1] + 1])  # the first class is EOS
    return total


def log_p_of_rest(generator: Generator, codes: Any, first: int) -> float:
    """Under a masked model: sum over the tokens from the `first` on, each from a pass of its own."""
    start, total = generator.vocabulary.slice_of(Modality.TEXT).start, 0.0
    for at in range(first, len(codes)):
        ids = [int(Special.TEXT), *(codes[:at] + start), *[int(Special.MASK)] * (len(codes) - at), int(Special.EOS)]
        shown = torch.tensor([ids])
        slices = torch.ones_like(shown)
        slices[0, 0] = 0  # the task token
        inputs = Inputs(
            tokens_BL=shown,
            segment_BL=torch.ones_like(shown).int(),
            position_BL=torch.arange(len(ids))[None].int(),
            slice_BL=slices,
            query_N=torch.tensor([1 + at]),
            class_N=torch.zeros(1, dtype=torch.long),
            groups=((1, 1),),
            causal=False,
        )
        with torch.inference_mode():
            (logits_NC,) = generator.logits(inputs)
        total += float(logits_NC.log_softmax(-1)[0, codes[at] + 1])
    return total


def task(name: str, folder: Path, lines: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    files = {"data_files": {"test": str(file)}, "cache_dir": str(folder / "cache")}
    return {"task": name, "dataset_path": "json", "dataset_kwargs": files, "test_split": "test", **more}


def tasks_of_answers(folder: Path) -> list[dict[str, Any]]:
    """A task of questions with three choices, and one of passages with an answer."""
    return [
        task(
            "choices",
            folder,
            QUESTIONS,
            output_type="multiple_choice",
            doc_to_text="{{q}}",
            doc_to_choice="{{choices}}",
            doc_to_target="gold",
            target_delimiter="",
            metric_list=[{"metric": "acc"}],
        ),
        task(
            "words",
            folder,
            PASSAGES,
            output_type="loglikelihood",
            doc_to_text="{{context}}",
            doc_to_target="{{answer}}",
            target_delimiter="",
            metric_list=[{"metric": "perplexity"}],
        ),
    ]


def evaluated(tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """What the harness reports of the model that `Generator.open` gives."""
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_defaults=False)
    found: dict[str, Any] = lm_eval.simple_evaluate(
        model=harness_model("random"), tasks=tasks, task_manager=manager, bootstrap_iters=0, log_samples=False
    )["results"]
    return found


def require_sums(done: dict[str, Any], after: Callable[[str, str], float]) -> None:
    """Compare accuracy and perplexity with those of a log-likelihood of answers after contexts."""
    asked: list[Any] = list(QUESTIONS)
    chosen = [int(np.argmax([after(one["q"], choice) for choice in one["choices"]])) for one in asked]
    assert done["choices"]["acc,none"] == pytest.approx(
        np.mean([pick == one["gold"] for pick, one in zip(chosen, QUESTIONS, strict=True)])
    )
    nats = [after(one["context"], one["answer"]) for one in PASSAGES]
    assert done["words"]["perplexity,none"] == pytest.approx(math.exp(-np.mean(nats)), rel=1e-3)


@pytest.mark.parametrize("kind", ["wordpiece", "exact bpe"])
def test_three_tasks_have_the_figures_of_an_independent_sum(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = open_random(make_tokenizer(kind, tmp_path / "tokenizer"), tmp_path)
    monkeypatch.setattr(Generator, "open", lambda run, device: generator)
    pages = task(
        "pages",
        tmp_path,
        PAGES,
        output_type="loglikelihood_rolling",
        doc_to_text="",
        doc_to_target="{{page}}",
        metric_list=[{"metric": "bits_per_byte"}],
    )
    done = evaluated([*tasks_of_answers(tmp_path), pages])
    require_sums(done, lambda context, answer: log_p(generator, context + answer) - log_p(generator, context))
    size = sum(len(page["page"].encode()) for page in PAGES)
    bits = -sum(log_p(generator, page["page"]) for page in PAGES) / math.log(2)
    assert done["pages"]["bits_per_byte,none"] == pytest.approx(bits / size, rel=1e-4)


@pytest.mark.parametrize("kind", ["wordpiece", "exact bpe"])
def test_a_masked_model_has_them_too(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = open_random(make_tokenizer(kind, tmp_path / "tokenizer"), tmp_path, "masked")
    monkeypatch.setattr(Generator, "open", lambda run, device: generator)

    def after(context: str, answer: str) -> float:
        whole, alone = (
            generator.bundle.text.encode([text])[0].astype(np.int64) for text in (context + answer, context)
        )
        pairs = zip(whole, alone, strict=False)
        first = next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(whole), len(alone)))
        return log_p_of_rest(generator, whole, first) - log_p_of_rest(generator, alone, first)

    require_sums(evaluated(tasks_of_answers(tmp_path)), after)
