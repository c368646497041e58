"""Drawings that differ in what is drawn within the same frame have other details; edited copies have the same."""

import numpy as np
from PIL import Image, ImageDraw

from triptych.pipelines.dedup.image.detail import shows_same_details
from triptych.pipelines.dedup.image.match import shows_same_image
from triptych.pipelines.dedup.image.signatures import Signatures

WHOLE = np.array([[0.0, 1.0, 0.0, 1.0]])


def signatures(*images: Image.Image) -> Signatures:
    small = [image.convert("YCbCr").resize((64, 64), Image.Resampling.BICUBIC) for image in images]
    return Signatures.of(np.stack([np.asarray(image) for image in small]))


def playing_card(rank: str) -> Image.Image:
    card = Image.new("RGB", (320, 320), "white")
    brush = ImageDraw.Draw(card)
    brush.ellipse((50, 50, 270, 270), fill=(60, 60, 60))
    brush.text((160, 160), rank, fill=(230, 230, 230), font_size=100, anchor="mm")
    return card


def test_cards_of_one_set_pass_the_first_comparison_only() -> None:
    ace, king = signatures(playing_card("A")), signatures(playing_card("K"))
    assert shows_same_image(ace.thumbnails, king.thumbnails, WHOLE, WHOLE)[0]
    assert not shows_same_details(ace, king, WHOLE, WHOLE)[0]
    assert not shows_same_details(king, ace, WHOLE, WHOLE)[0]


def test_edited_copies_keep_their_details() -> None:
    card = playing_card("A")
    dark = Image.fromarray((np.asarray(card) * 0.8).astype(np.uint8))
    bright = Image.fromarray(np.clip(np.asarray(card) * 1.2, 0, 255).astype(np.uint8))
    for copy in (card.resize((128, 128)), dark, bright, card.crop((5, 5, 318, 312))):
        forth = shows_same_details(signatures(card), signatures(copy), WHOLE, WHOLE)
        back = shows_same_details(signatures(copy), signatures(card), WHOLE, WHOLE)
        assert forth[0] or back[0]


def test_no_pairs_have_no_verdicts() -> None:
    nothing = signatures(playing_card("A")).some(np.array([False]))
    assert shows_same_details(nothing, nothing, WHOLE[:0], WHOLE[:0]).shape == (0,)
