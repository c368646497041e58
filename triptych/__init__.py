"""Triptych: tri-modal corpora to packed Arrow shards of tokens, and a trainer and sampler that consume them."""
