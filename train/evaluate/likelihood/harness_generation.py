"""Generated answers to requests of the LM evaluation harness, many in one batch.

The prompt comes first: unless a request states how many tokens it wants, its answer gets the room that the prompt
leaves. A prompt loses its beginning only if it would leave no room, or less than a stated number, and never more than
half of the window.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ....schemas.config.model import Task
from ....schemas.config.sampling import SamplingConfig
from ....schemas.dataset.layout import codes_of_span
from ....schemas.vocabulary import Modality, Special
from ...generate.generator import Generator
from ...generate.samples import MASKED, GeneratedSample, Ints
from .reader import TOKENS
from .text_segments import FRAME

DEFAULT_TOKENS = 256  # generated if a request does not state a number; the harness's own default
BLOCK = 32
NAMES = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")  # the harness takes the first


class Prompt(NamedTuple):
    """A context as it is shown to the model, and what is generated after it."""

    number: int  # of the request
    codes: Ints
    tokens: int
    temperature: float


class Answers(NamedTuple):
    """Generated texts in the order of the requests, and a note on what had no room; it may be empty."""

    texts: list[str]
    note: str


def generate_answers(
    generator: Generator, requests: Sequence[tuple[str, Mapping[str, Any]]], longest: int, seed: int
) -> Answers:
    """Generate the continuation of each context, up to the first of its stop sequences.

    Args:
        generator: Run to sample.
        requests: Contexts and settings, as the harness passes them.
        longest: Largest number of tokens of a segment, with task token and EOS.
        seed: Seed of all draws.
    """
    texts, prompts, cut, short = [""] * len(requests), [], 0, 0
    codes, offsets = generator.bundle.text.encode([context for context, _ in requests])
    for number, (_, settings) in enumerate(requests):
        mine = codes[offsets[number] : offsets[number + 1]].astype(np.int64)
        wanted = _tokens(settings)
        tokens, shown = share_window(len(mine), wanted, longest - FRAME)
        cut += shown < len(mine)
        short += tokens < (DEFAULT_TOKENS if wanted is None else wanted)
        temperature = float(settings.get("temperature", 1.0)) if settings.get("do_sample") else 0.0
        if tokens:
            prompts.append(Prompt(number, mine[len(mine) - shown :], tokens, temperature))
    for batch in batches(prompts, generator.causal):
        steps = max(prompt.tokens for prompt in batch)
        config = SamplingConfig(rule="confidence", block=BLOCK, steps=steps, temperature=batch[0].temperature)
        # codes, so that a context with the text of a gap is not parsed
        given = [np.append(prompt.codes, np.full(prompt.tokens, MASKED)) for prompt in batch]
        # a greedy answer does not depend on the seed; sampled ones of one context differ
        made = generator.generate(Task.TEXT, given, config, seed + batch[0].number).samples
        for prompt, sample in zip(batch, made, strict=True):
            until = requests[prompt.number][1].get("until") or []
            text = _text_after_prompt(generator, prompt.codes, sample)
            texts[prompt.number] = before(text, [until] if isinstance(until, str) else until)
    return Answers(texts, _note(cut, short, len(requests), longest - FRAME))


def share_window(given: int, wanted: int | None, room: int) -> tuple[int, int]:
    """Divide a window between a prompt and its answer.

    Args:
        given: Tokens of the prompt.
        wanted: Stated number of tokens of the answer; None: not stated.
        room: Tokens of the window.

    Returns:
        Tokens of the answer, and of the prompt's end that is shown.
    """
    left = room - given
    if wanted is None:
        tokens = min(DEFAULT_TOKENS, left if left > 0 else max(room // 2, 1))
    else:
        tokens = min(wanted, max(left, room // 2, 1))
    return tokens, min(given, room - tokens)


def batches(prompts: Sequence[Prompt], causal: bool) -> Iterator[list[Prompt]]:
    """Batches of similar length and the same settings, of a bounded number of tokens."""
    groups = defaultdict(list)
    for prompt in prompts:
        # the steps of a masked model follow the number of tokens; an autoregressive one has none
        groups[prompt.temperature, 0 if causal else prompt.tokens].append(prompt)
    for group in groups.values():
        batch: list[Prompt] = []
        held = 0
        for prompt in sorted(group, key=lambda prompt: len(prompt.codes) + prompt.tokens):
            size = len(prompt.codes) + prompt.tokens + FRAME
            if batch and held + size > TOKENS:
                yield batch
                batch, held = [], 0
            batch.append(prompt)
            held += size
        yield batch


def before(text: str, stops: Sequence[str]) -> str:
    """The text up to the first occurrence of any stop sequence."""
    return text[: min((text.find(stop) for stop in stops if stop and stop in text), default=len(text))]


def _tokens(settings: Mapping[str, Any]) -> int | None:
    stated = [settings[name] for name in NAMES if settings.get(name) is not None]
    return max(int(stated[0]), 0) if stated else None


def _text_after_prompt(generator: Generator, prompt: Ints, made: GeneratedSample) -> str:
    ids = made.tokens[made.generated]
    ends = np.flatnonzero(ids == Special.EOS)
    ids = ids[: ends[0]] if len(ends) else ids
    codes = codes_of_span(ids, Modality.TEXT, generator.vocabulary)
    tokenizer = generator.bundle.text
    shown, whole = tokenizer.decode(prompt), tokenizer.decode(np.append(prompt, codes))
    # a tokenizer may drop a space, or write a mark, at the beginning of what it decodes
    return whole[len(shown) :] if whole.startswith(shown) else tokenizer.decode(codes)


def _note(cut: int, short: int, requests: int, room: int) -> str:
    parts = []
    if cut:
        parts.append(f"{cut:,} of {requests:,} prompts lost their beginning")
    if short:
        parts.append(f"{short:,} of {requests:,} answers had room for fewer tokens than the request allows")
    return f"{' and '.join(parts)} (windows of {room:,} tokens)" if parts else ""
