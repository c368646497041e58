"""A trained model: generate text, images and speech, and compute likelihoods."""


class Generator:
    """Placeholder until the merge."""
