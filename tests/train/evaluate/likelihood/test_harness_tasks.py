"""The harness runs three tasks from local files with two tokenizers; its figures are those of a sum done by hand."""

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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


def open_random(tokenizer: TextTokenizer, folder: Path) -> Generator:
    """An autoregressive model of random weights over the vocabulary of a tokenizer."""
    vocabulary = Vocabulary(text=tokenizer.size)
    model = Transformer(shape_of(ModelConfig(depth=1, width=64)), vocabulary, attention="dense")
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=draw) * 0.2)
    lengths = Lengths(pa.table({"kind": [0], "text": [200], "image": [0], "audio": [0], "count": [1]}))
    bundle: Any = SimpleNamespace(text=tokenizer)
    return Generator(folder, Exported(model.eval(), vocabulary, "autoregressive"), bundle, lengths)


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


def task(name: str, folder: Path, lines: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    files = {"data_files": {"test": str(file)}, "cache_dir": str(folder / "cache")}
    return {"task": name, "dataset_path": "json", "dataset_kwargs": files, "test_split": "test", **more}


@pytest.mark.parametrize("kind", ["wordpiece", "exact bpe"])
def test_three_tasks_have_the_figures_of_an_independent_sum(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lm_eval.tasks import TaskManager

    generator = open_random(make_tokenizer(kind, tmp_path / "tokenizer"), tmp_path)
    monkeypatch.setattr(Generator, "open", lambda run, device: generator)
    tasks = [
        task(
            "choices",
            tmp_path,
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
            tmp_path,
            PASSAGES,
            output_type="loglikelihood",
            doc_to_text="{{context}}",
            doc_to_target="{{answer}}",
            target_delimiter="",
            metric_list=[{"metric": "perplexity"}],
        ),
        task(
            "pages",
            tmp_path,
            PAGES,
            output_type="loglikelihood_rolling",
            doc_to_text="",
            doc_to_target="{{page}}",
            metric_list=[{"metric": "bits_per_byte"}],
        ),
    ]
    manager = TaskManager(include_defaults=False)
    done = lm_eval.simple_evaluate(
        model=harness_model("random"), tasks=tasks, task_manager=manager, bootstrap_iters=0, log_samples=False
    )["results"]

    def after(context: str, answer: str) -> float:
        return log_p(generator, context + answer) - log_p(generator, context)

    asked: list[Any] = list(QUESTIONS)
    chosen = [int(np.argmax([after(one["q"], choice) for choice in one["choices"]])) for one in asked]
    assert done["choices"]["acc,none"] == pytest.approx(
        np.mean([pick == one["gold"] for pick, one in zip(chosen, QUESTIONS, strict=True)])
    )
    nats = [after(one["context"], one["answer"]) for one in PASSAGES]
    assert done["words"]["perplexity,none"] == pytest.approx(math.exp(-np.mean(nats)), rel=1e-3)
    size = sum(len(page["page"].encode()) for page in PAGES)
    bits = -sum(log_p(generator, page["page"]) for page in PAGES) / math.log(2)
    assert done["pages"]["bits_per_byte,none"] == pytest.approx(bits / size, rel=1e-4)
