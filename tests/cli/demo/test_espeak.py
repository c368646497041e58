"""Words as espeak-ng speaks them: longer ones take longer, and voices differ."""

from importlib.util import find_spec

import numpy as np
import pytest

from triptych.cli.demo import espeak
from triptych.schemas.errors import Refusal

needs_espeak = pytest.mark.skipif(find_spec("espeakng_loader") is None, reason="needs triptych[demo]")


@needs_espeak
def test_longer_words_take_longer_and_voices_differ() -> None:
    short, long, other = espeak.speak(
        [
            espeak.Utterance("ten", "en", 130, 50),
            espeak.Utterance("seventy seven candles", "en", 130, 50),
            espeak.Utterance("ten", "en-us+f2", 130, 50),
        ]
    )
    assert len(long) > 2 * len(short)
    assert not np.array_equal(short, other)


@needs_espeak
def test_a_voice_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refusal, match="no voice xx-klingon"):
        espeak.speak([espeak.Utterance("ten", "xx-klingon", 130, 50)])
