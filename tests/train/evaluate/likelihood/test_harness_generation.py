"""Who gets the window, the prompt or its answer, and which requests go into one batch."""

import numpy as np
import pytest

from triptych.train.evaluate.likelihood.harness_generation import Prompt, batches, before, share_window


@pytest.mark.parametrize(
    ("given", "wanted", "room", "tokens", "shown"),
    [
        (24, None, 62, 38, 24),  # the prompt first, the answer gets what is left
        (61, None, 62, 1, 61),
        (70, None, 62, 31, 31),  # no room is left: half of the window
        (500, None, 1022, 256, 500),
        (24, 10, 62, 10, 24),
        (60, 10, 62, 10, 52),  # a stated number is honoured
        (60, 100, 62, 31, 31),  # but not beyond half of the window
        (0, 100, 62, 62, 0),
        (5, 0, 62, 0, 5),
        (3, 4, 1, 1, 0),
    ],
)
def test_a_prompt_is_cut_only_as_far_as_it_must_be(
    given: int, wanted: int | None, room: int, tokens: int, shown: int
) -> None:
    assert share_window(given, wanted, room) == (tokens, shown)


def test_batches_hold_every_request_once_at_equal_settings() -> None:
    draw = np.random.default_rng(0)
    prompts = [
        Prompt(number, np.zeros(length, np.int64), 5 + number % 2, float(number % 3 == 0))
        for number, length in enumerate(draw.integers(1, 2000, 60))
    ]
    found = list(batches(prompts, causal=False))
    assert sorted(prompt.number for batch in found for prompt in batch) == list(range(60))
    assert all(len({(one.tokens, one.temperature) for one in batch}) == 1 for batch in found)
    assert max(sum(len(one.codes) + one.tokens for one in batch) for batch in found) <= 16_384
    assert len(found) < len(list(batches(prompts[:30], causal=False))) + len(list(batches(prompts[30:], causal=False)))
    assert {len({one.tokens for one in batch}) for batch in batches(prompts, causal=True)} == {2}


def test_a_text_ends_before_the_first_stop() -> None:
    assert before("one. two\nthree", ["\n", "."]) == "one"
    assert before("one", ["", "x"]) == "one"
