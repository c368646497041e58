"""The harness's own interface: requests as it makes them, and its evaluation of a small task from beginning to end."""

import json
from pathlib import Path
from typing import Any

import pytest

from triptych.train.evaluate.likelihood.answers import answer_windows, score_answers
from triptych.train.evaluate.likelihood.bound import chain_rule
from triptych.train.evaluate.likelihood.lm_eval import harness_class, harness_model
from triptych.train.evaluate.likelihood.reader import ModelReader
from triptych.train.evaluate.likelihood.rolling import split_windows

lm_eval = pytest.importorskip("lm_eval", reason="needs the extra `evaluate`")


def requests(kind: str, *arguments: tuple[Any, ...]) -> list[Any]:
    from lm_eval.api.instance import Instance

    return [Instance(kind, {}, one, number) for number, one in enumerate(arguments)]


@pytest.fixture(scope="module", params=["masked", "autoregressive"])
def model(runs: dict[str, Path], request: pytest.FixtureRequest) -> Any:
    return harness_model(str(runs[request.param]), passes=4)


def test_continuations_have_the_likelihood_of_the_chain_rule(model: Any) -> None:
    pairs = [("ka lo mi", " ren ta"), ("", "vor"), ("qua " * model.longest, " pa dle"), ("shi", "")]
    with pytest.warns(UserWarning, match="1 of 4 contexts lost their beginning"):
        said = model.loglikelihood(requests("loglikelihood", *pairs))
    generator = model.generator
    windows = answer_windows(pairs, generator.bundle.text, model.longest)
    reader = ModelReader.of(generator.exported)
    done = score_answers(lambda canvas: chain_rule(reader, canvas), windows, generator.vocabulary, range(4))
    assert [nats for nats, _ in said] == pytest.approx((-done.nats_S).tolist())
    assert done.greedy_S is not None
    assert [best for _, best in said] == done.greedy_S.tolist()
    assert all(nats < 0 for nats, _ in said[:3])
    assert said[3] == (0.0, True)


def test_texts_of_any_length_have_one_likelihood(model: Any) -> None:
    short, long = "ka lo mi ren", "vor pa dle, qua " * 300
    assert len(split_windows(model.generator.bundle.text, [long], model.longest).codes) > 1
    predict = model.loglikelihood_rolling
    both = predict(requests("loglikelihood_rolling", (short,), ("",), (long,)))
    assert both[1] == 0
    assert both[2] < 20 * both[0] < 0
    assert predict(requests("loglikelihood_rolling", (short,))) == pytest.approx(both[:1])


def test_what_is_generated_ends_where_the_request_says(model: Any) -> None:
    settings = {"until": ["\n"], "max_gen_toks": 12, "do_sample": False}
    longer = "qua " * model.longest
    with pytest.warns(UserWarning, match="1 of 2 prompts lost their beginning"):
        first, long = model.generate_until(
            requests("generate_until", ("ka lo mi", settings), (longer, {"max_gen_toks": 5, "do_sample": True}))
        )
    assert "\n" not in first
    again = model.generate_until(requests("generate_until", ("ka lo mi", settings | {"until": []})))
    assert again[0].startswith(first)
    assert isinstance(long, str)


def test_what_looks_like_a_gap_is_words_of_the_context(model: Any) -> None:
    settings = {"max_gen_toks": 4, "do_sample": False}
    (said,) = model.generate_until(requests("generate_until", ("ka <gap:40> lo", settings)))
    assert len(model.generator.bundle.text.encode([said])[0]) <= 4 + 1  # a first space may be a token


def test_no_requests_have_no_answers_and_no_tokens_no_text(model: Any) -> None:
    assert model.loglikelihood([]) == model.loglikelihood_rolling([]) == model.generate_until([]) == []
    assert model.generate_until(requests("generate_until", ("ka", {"max_gen_toks": 0, "until": ["."]}))) == [""]


def test_a_batch_gives_what_single_requests_give(model: Any) -> None:
    contexts = ["ka lo mi", "vor pa dle qua ren ta", "", "shi né"]
    arguments = [(context, {"until": ["."], "max_gen_toks": 6 + number % 2}) for number, context in enumerate(contexts)]
    together = model.generate_until(requests("generate_until", *arguments))
    assert together == [model.generate_until(requests("generate_until", one))[0] for one in arguments]


def test_the_harness_evaluates_a_task(runs: dict[str, Path], tmp_path: Path) -> None:
    lines = [{"q": f"ka lo {i}", "choices": [" mi", " ren ta", " qua"], "gold": i % 3} for i in range(6)]
    data = tmp_path / "test.jsonl"
    data.write_text("".join(json.dumps(line) + "\n" for line in lines))
    task = {
        "task": "small",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{q}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "gold",
        "target_delimiter": "",
        "metric_list": [{"metric": "acc"}],
    }
    from lm_eval.api.registry import register_model
    from lm_eval.tasks import TaskManager

    register_model("triptych-of-this-test")(harness_class())
    done = lm_eval.simple_evaluate(
        model="triptych-of-this-test",
        model_args=f"run={runs['masked']},passes=4",
        tasks=[task],
        task_manager=TaskManager(include_defaults=False),  # the thousands that the harness has take a while to find
        bootstrap_iters=0,
        log_samples=True,
    )
    assert 0 <= done["results"]["small"]["acc,none"] <= 1
    assert len(done["samples"]["small"]) == 6
