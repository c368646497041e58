import io
from typing import Any

import pytest
import sentencepiece

from triptych.tokenizers.text.sentencepiece_proto import SentencePieceSpec, read_spec

PLAIN = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False, "byte_fallback": True}


def trained(**options: Any) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["some words here", "words and more words"] * 3),
        model_writer=model,
        vocab_size=320,
        hard_vocab_limit=False,
        minloglevel=2,
        **options,
    )
    return model.getvalue()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"model_type": "bpe", **PLAIN}, (True, False, False, False)),
        ({"model_type": "unigram", **PLAIN}, (False, False, False, False)),
        ({"byte_fallback": True}, (False, True, False, False)),
        ({"model_type": "bpe", **PLAIN, "remove_extra_whitespaces": True}, (True, True, False, False)),
        ({"model_type": "bpe", **PLAIN, "normalization_rule_name": "nfkc"}, (True, True, False, False)),
        ({"model_type": "bpe", **PLAIN, "treat_whitespace_as_suffix": True}, (True, False, True, False)),
        ({"model_type": "bpe", **PLAIN, "user_defined_symbols": ["<mask>"]}, (True, False, False, True)),
        ({"model_type": "bpe", **PLAIN, "control_symbols": ["<ctl>"]}, (True, False, False, False)),
    ],
)
def test_properties_are_those_of_the_training(options: dict[str, Any], expected: tuple[bool, ...]) -> None:
    assert read_spec(trained(**options)) == SentencePieceSpec(*expected)


@pytest.mark.parametrize("data", [b"\xff", b"\x0b\x01", b"\x0a\x80"])
def test_other_bytes_are_no_model(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"wire type|ends within"):
        read_spec(data)
