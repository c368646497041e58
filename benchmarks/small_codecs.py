"""Keys of the configurations of transformers that make its codecs very small: for tests, and for `--tiny`."""

from typing import Any

HUBERT: dict[str, Any] = {
    "model_type": "hubert",
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}
ENCODEC: dict[str, Any] = {
    "num_filters": 4,
    "hidden_size": 16,
    "codebook_dim": 16,
    "codebook_size": 64,
    "num_lstm_layers": 1,
}
DAC: dict[str, Any] = {
    "encoder_hidden_size": 4,
    "decoder_hidden_size": 32,
    "codebook_size": 64,
    "codebook_dim": 4,
    "n_codebooks": 4,
}


def acoustic(*ratios: int) -> dict[str, Any]:
    """Acoustic half of an X-Codec or a Higgs codec, with these strides."""
    width = 2 ** (len(ratios) + 1)
    sizes = {"encoder_hidden_size": 4, "decoder_hidden_size": width, "hidden_size": 16}
    return {"model_type": "dac", "downsampling_ratios": ratios, "upsampling_ratios": ratios, **sizes}


def higgs() -> dict[str, Any]:
    """Keys of a Higgs codec with 960 samples per frame."""
    parts = {"semantic_model_config": HUBERT, "acoustic_model_config": acoustic(8, 5, 4, 2, 3)}
    return {"codebook_size": 64, "codebook_dim": 16, "target_bandwidths": [0.3, 0.6], **parts}
