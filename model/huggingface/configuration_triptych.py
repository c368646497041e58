"""Configuration of `TriptychModel` for the transformers library.

An export holds a copy of this file, so it imports nothing of Triptych.
"""

from typing import Any

from transformers import PretrainedConfig

SPECIALS = {"pad": 0, "mask": 1, "eos": 2, "boi": 3, "eoi": 4, "boa": 5, "eoa": 6}
TASKS = {"text": 16, "t2i": 17, "i2t": 18, "t2s": 19, "s2t": 20, "joint": 21}


class TriptychConfig(PretrainedConfig):  # type: ignore[no-untyped-call]
    """Sizes and id space of a model that Triptych trained.

    Attributes:
        objective: `masked` (masked diffusion), or `autoregressive`.
        audio_layout: `flat` (a position for each code of a frame), or `parallel` (one for the whole frame).
        head_bias: Whether the head has a bias for each id.
        slices: Ranges of the id space as [modality, codebook, start, stop], in the order of their indices. The softmax
            of a position runs over the ids of its slice; that of `text` also over the id `eos`.
        branch_scale: Factor on the output of each residual branch.
        special_ids: Ids of the special tokens by name.
        task_ids: Ids of the tokens that open a segment, by task.
        triptych: What Triptych's own commands read, sealed.
    """

    model_type = "triptych"

    def __init__(
        self,
        *,
        vocab_size: int = 257,
        hidden_size: int = 64,
        num_hidden_layers: int = 1,
        head_dim: int = 64,
        intermediate_size: int = 256,
        branch_scale: float = 1.0,
        embedding_std: float = 0.1,
        rms_norm_eps: float = 1e-6,
        rope_theta: float = 10_000.0,
        objective: str = "masked",
        audio_layout: str = "flat",
        head_bias: bool = False,
        slices: list[list[Any]] | None = None,
        triptych: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.head_dim = head_dim
        self.num_attention_heads = hidden_size // head_dim
        self.intermediate_size = intermediate_size
        self.branch_scale = branch_scale
        self.embedding_std = embedding_std
        self.rms_norm_eps = rms_norm_eps
        self.rope_theta = rope_theta
        self.objective = objective
        self.audio_layout = audio_layout
        self.head_bias = head_bias
        self.slices = slices or [["special", 0, 0, 256], ["text", 0, 256, vocab_size]]
        self.special_ids = SPECIALS
        self.task_ids = TASKS
        self.triptych = triptych
        for name in ("num_attention_heads", "special_ids", "task_ids"):
            kwargs.pop(name, None)  # they follow from the others
        defaults = {"pad_token_id": SPECIALS["pad"], "eos_token_id": SPECIALS["eos"], "tie_word_embeddings": False}
        super().__init__(**{**defaults, **kwargs})

    @property
    def causal(self) -> bool:
        """Whether each token is predicted at the position before it, from earlier tokens."""
        return self.objective == "autoregressive"

    def slice_index(self, modality: str, codebook: int = 0) -> int:
        """Index of a slice.

        Raises:
            ValueError: The model has no such slice.
        """
        for index, (name, number, *_) in enumerate(self.slices):
            if (name, number) == (modality, codebook):
                return index
        raise ValueError(f"this model has no {modality} codebook {codebook}")
