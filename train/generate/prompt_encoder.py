"""Encode prompts as the codes of segments, with MASKED for the tokens to generate.

Whatever the model cannot do is refused here, before it runs: a task that it was not trained on, a length that a task
does not allow, a gap before something that an autoregressive model would have to see.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np

from ...schemas.config.model import Task
from ...schemas.errors import Refusal
from ...schemas.vocabulary import Modality, Vocabulary
from ...tokenizers.bundle import Bundle
from .gaps import encode_with_gaps, split_gaps
from .lengths import Lengths
from .samples import MASKED, Codes, Ints, Prompt


@dataclass(frozen=True)
class PromptEncoder:
    """Encodes prompts for a model.

    Attributes:
        name: Name of the run, for messages.
        bundle: Tokenizers of the model.
        lengths: Lengths of the segments that it was trained on.
        vocabulary: Id space of its tokens.
        causal: Whether it is autoregressive.
    """

    name: str
    bundle: Bundle
    lengths: Lengths
    vocabulary: Vocabulary
    causal: bool

    def require_possible(self, task: Task) -> None:
        """Raise Refusal if the model cannot generate for a task."""
        if task is Task.JOINT:
            raise Refusal("task joint: has no prompt. Choose text, t2i, i2t, t2s or s2t.")
        predicted, given = task.predicted or Modality.TEXT, task.given
        pair = (given, predicted)
        missing = [name.name.lower() for name in pair if name is not None and name not in self.bundle]
        if missing:
            raise Refusal(
                f"{self.name}: task {task} needs {missing[0]}, and the model was trained without it. "
                "Choose another task."
            )
        if self.causal and given is not None and given > predicted:
            raise Refusal(
                f"task {task}: an autoregressive model generates {predicted.name.lower()} before "
                f"{given.name.lower()}. Use a masked run."
            )

    def encode(self, modality: Modality, content: Prompt) -> Ints:
        """Encode a text, a square image or a wave as codes, int64 (n,); audio frame by frame."""
        if modality is Modality.TEXT:
            return self.bundle.text.encode([cast(str, content)])[0].astype(np.int64)
        tokenizer: Any = self.bundle.tokenizer(modality)
        first: Any = tokenizer.encode(np.stack([content]) if modality is Modality.IMAGE else [content])[0]
        codes: Ints = np.asarray(first, np.int64).reshape(-1)
        return codes

    def codes(self, task: Task, prompt: Prompt, length: int | None, draw: float) -> Codes:
        """Codes of a segment: the encoded prompt, and MASKED for the tokens to generate.

        Args:
            task: Task of the prompt.
            prompt: As for `Generator.generate`.
            length: Number of tokens to generate; None: as in training samples.
            draw: Number in (0, 1) that selects such a length.

        Raises:
            Refusal: If the task or the prompt does not allow the length or its gaps.
        """
        if task.given is None:
            return {Modality.TEXT: self._text(prompt, length, draw)}
        given, predicted = task.given, task.predicted or Modality.TEXT
        condition = self.encode(given, prompt)
        tokens = condition.size + int(given is Modality.TEXT)
        self._require_length(task, length)
        if length is None:
            drawn = self.lengths.draw(task, predicted, (given, tokens), draw) - int(predicted is Modality.TEXT)
            length = max(1, drawn // self._step(predicted)) * self._step(predicted)
        whole = self.bundle.image.tokens if predicted is Modality.IMAGE else length
        return {given: condition, predicted: np.full(whole, MASKED)}

    def _step(self, predicted: Modality) -> int:
        """Tokens that are generated together: those of a frame of audio."""
        return len(self.vocabulary.audio) if predicted is Modality.AUDIO else 1

    def _require_length(self, task: Task, length: int | None) -> None:
        predicted = task.predicted or Modality.TEXT
        if length is None:
            return
        if predicted is Modality.IMAGE and length != self.bundle.image.tokens:
            raise Refusal(
                f"length {length}: task {task} generates images, and each has {self.bundle.image.tokens} tokens. "
                "Leave the length out."
            )
        step = self._step(predicted)
        if length % step:
            near = f"{length // step * step} or {(length // step + 1) * step}" if length > step else str(step)
            raise Refusal(f"length {length}: a frame of audio has {step} tokens. Give a multiple, such as {near}.")

    def _text(self, prompt: Prompt, length: int | None, draw: float) -> Ints:
        """Codes of a text with MASKED in its gaps, or behind it if it has none."""
        if isinstance(prompt, str):
            parts = split_gaps(prompt)
            if not any(isinstance(part, int) for part in parts):
                codes = self.encode(Modality.TEXT, "".join(map(str, parts)))
                return np.append(codes, np.full(length or self._text_length(codes.size, draw), MASKED))
            self._require_ends_in_gap([isinstance(part, int) for part in parts])
            codes = encode_with_gaps(self.bundle.text, parts)
        else:
            codes = prompt.astype(np.int64)
            self._require_ends_in_gap((codes == MASKED).tolist())
        if length is not None:
            raise Refusal(
                f"length {length}: a prompt has gaps, which give the number of tokens themselves. Leave the length out."
            )
        return codes

    def _text_length(self, given: int, draw: float) -> int:
        """Tokens that follow a prompt: as many as a training text has, but no more than the longest has with it."""
        drawn = self.lengths.draw(Task.TEXT, Modality.TEXT, None, draw)
        longest = self.lengths.longest_of(Task.TEXT, Modality.TEXT)
        return max(1, min(drawn, longest - given) - 1)

    def _require_ends_in_gap(self, gaps: Sequence[bool]) -> None:
        """Raise Refusal if an autoregressive model would have to see what stands after a gap."""
        if self.causal and any(gap and not after for gap, after in pairwise(gaps)):
            raise Refusal(
                f"{self.name}: an autoregressive model generates a text from left to right, without what stands "
                "after a gap. Put the gap at the end of the prompt, or use a masked run."
            )
