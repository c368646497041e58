"""A trained model: generate text, images and speech, and compute likelihoods."""
