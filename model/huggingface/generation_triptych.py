"""Filling of hidden tokens: the plain form of Triptych's samplers, for readers without Triptych.

An export holds a copy of this file, so it imports nothing of Triptych. Other unmask rules, guidance and the block cache
are those of `triptych sample`, which reads the same export.

Shapes are named by suffix: B rows, L tokens per row, V ids.
"""

import math
from typing import Any

import torch


class FillMixin:
    """Gives a model `generate`, which replaces the ids of `mask`."""

    @torch.no_grad()
    def generate(
        self: Any,
        input_ids: torch.Tensor,
        segment_ids: torch.Tensor | None = None,
        slice_ids: torch.Tensor | None = None,
        generation_config: Any = None,
        generator: torch.Generator | None = None,
        steps: int | None = None,
        temperature: float | None = None,
        **unused: Any,
    ) -> torch.Tensor:
        """Replace each id of `mask` by a sampled one.

        A masked model fills the positions of highest confidence first, as many a step as a cosine schedule says; an
        autoregressive model fills them from left to right.

        Args:
            input_ids: As for `forward`.
            segment_ids: As for `forward`.
            slice_ids: As for `forward`; where codes of an image or a clip are to be filled, it has to be given.
            generation_config: Has the defaults of the two settings below; by default that of the export.
            generator: Generator of random numbers.
            steps: Number of steps of a masked model.
            temperature: Temperature of the samples; 0 takes the most likely id.
            **unused: What other callers pass to every model.

        Returns:
            Ids (B, L) without `mask`.

        Raises:
            ValueError: An autoregressive model would have to fill the first position.
        """
        config = generation_config or self.generation_config
        steps = steps or int(getattr(config, "steps", None) or 64)
        if temperature is None:
            temperature = float(config.temperature if config.temperature is not None else 1.0)
        ids_BL = input_ids.clone()
        slice_BL = self.slices_of(ids_BL) if slice_ids is None else slice_ids
        where = {"segment_ids": segment_ids, "slice_ids": slice_BL}
        hidden_BL = (ids_BL == self.config.special_ids["mask"]) & (slice_BL > 0)
        if self.config.causal:
            _from_left_to_right(self, ids_BL, hidden_BL, where, temperature, generator)
        else:
            _most_confident_first(self, ids_BL, hidden_BL, where, temperature, generator, steps)
        return ids_BL


def _from_left_to_right(
    model: Any, ids_BL: Any, hidden_BL: Any, where: Any, temperature: float, generator: torch.Generator | None
) -> None:
    if hidden_BL[:, 0].any():
        raise ValueError("the first position is hidden, but nothing precedes it; begin with the token of a task")
    for at in hidden_BL.any(0).nonzero()[:, 0].tolist():
        rows = hidden_BL[:, at]
        logits_NV = model(ids_BL, **where).logits[rows, at - 1]
        ids_BL[rows, at] = _draw(logits_NV, temperature, generator)[0]


def _most_confident_first(
    model: Any,
    ids_BL: Any,
    hidden_BL: Any,
    where: Any,
    temperature: float,
    generator: torch.Generator | None,
    steps: int,
) -> None:
    total_B = hidden_BL.sum(1)
    for step in range(1, steps + 1):
        left_B = (total_B * math.cos(math.pi / 2 * step / steps)).floor().long() if step < steps else total_B * 0
        count_B = hidden_BL.sum(1) - left_B
        if not (count_B > 0).any():
            continue
        drawn_N, chance_N = _draw(model(ids_BL, **where).logits[hidden_BL], temperature, generator)
        chance_BL = torch.full(ids_BL.shape, -1.0, device=ids_BL.device)
        chance_BL[hidden_BL] = chance_N
        drawn_BL = ids_BL.clone()
        drawn_BL[hidden_BL] = drawn_N
        rank_BL = chance_BL.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        chosen_BL = hidden_BL & (rank_BL < count_B[:, None])
        ids_BL[chosen_BL] = drawn_BL[chosen_BL]
        hidden_BL = hidden_BL & ~chosen_BL


def _draw(
    logits_NV: torch.Tensor, temperature: float, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sampled ids, and their probabilities at temperature 1."""
    chances_NV = logits_NV.softmax(-1)
    if temperature == 0:
        drawn_N = chances_NV.argmax(-1)
    else:
        drawn_N = torch.multinomial((logits_NV / temperature).softmax(-1), 1, generator=generator)[:, 0]
    return drawn_N, chances_NV.gather(-1, drawn_N[:, None])[:, 0]
