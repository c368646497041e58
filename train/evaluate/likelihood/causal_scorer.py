"""Score texts with an autoregressive model: their negative log-likelihood, and a feature vector of each.

Shapes are named by suffix: S texts, T tokens of all texts, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from ....model.network.export import Exported
from ....model.sampling.canvas import Canvas, canvas_of, inputs_of
from ....schemas.config.model import Task
from ....schemas.dataset.layout import sample_table
from ....schemas.vocabulary import Kind, Modality, Special
from .bound import chain_rule
from .reader import ModelReader, chunks


@dataclass(frozen=True)
class CausalScorer:
    """An autoregressive model and its name in a report; texts are codes of its vocabulary."""

    exported: Exported
    name: str

    def nats(self, texts: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.float64]:
        """Negative log-likelihood in nats of each text, (S,), without EOS, because texts may be truncated."""
        canvas = self._canvas(texts)
        said = replace(canvas, target_T=canvas.target_T & (canvas.tokens_T != Special.EOS))
        nats: npt.NDArray[np.float64] = chain_rule(ModelReader.of(self.exported), said).nats_S.numpy()
        return nats

    @torch.inference_mode()
    def states(self, texts: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.float32]:
        """Final hidden state at the end of each text, (S, D)."""
        model, out = self.exported.model, []
        for _, part, _ in chunks(self._canvas(texts), torch.arange(len(texts))):
            inputs, _ = inputs_of(part, model.slices, part.tokens_T, part.tokens_T == Special.EOS, causal=True)
            out.append(model.hidden_states(inputs.to(model.tokens.weight.device)).float().cpu().numpy())
        return np.concatenate(out)

    def _canvas(self, texts: Sequence[npt.NDArray[np.int64]]) -> Canvas:
        codes: list[list[int] | None] = [text.tolist() for text in texts]
        vocabulary = self.exported.vocabulary
        samples = sample_table([Kind.TEXT] * len(texts), {Modality.TEXT: codes}, {"text": vocabulary.text})
        return canvas_of(samples, vocabulary, [Task.TEXT] * len(texts))
