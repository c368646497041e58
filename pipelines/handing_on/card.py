"""Writes the cards of a dataset: `README.md` in Markdown, and `croissant.json`."""

from ...schemas.dataset.manifest import Manifest
from ...schemas.storage.store import Store
from .croissant import croissant
from .markdown_card import markdown_card

MARKDOWN, CROISSANT = "README.md", "croissant.json"


def write_card(store: Store, manifest: Manifest) -> None:
    """Write both files into a folder.

    Args:
        store: The folder: the dataset, or another.
        manifest: The manifest of the dataset.
    """
    store.write(MARKDOWN, markdown_card(manifest).encode())
    store.write(CROISSANT, croissant(manifest))
