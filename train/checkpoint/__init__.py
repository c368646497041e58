"""Checkpoints of a training run: saving, verifying, and loading without running code from their files."""
