"""gigatoken gives the ids of the reference for every text, or is not used."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, normalizers

from triptych.schemas.config.tokenizers import SentencePieceConfig
from triptych.tokenizers.protocol import TextTokenizer
from triptych.tokenizers.text import gigatoken_encoder
from triptych.tokenizers.text.gigatoken_encoder import agrees, encode_column, encoder_name
from triptych.tokenizers.text.huggingface_text import HuggingFaceText
from triptych.tokenizers.text.sentencepiece_text import SentencePieceText
from triptych.tokenizers.text.sentencepiece_train import train_sentencepiece
from triptych.tokenizers.text.tiktoken_text import PATTERNS, TiktokenText

from .conftest import AWKWARD, any_text

EXACT = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False}
LONG = [" " * 5000, "a" * 5000, "ab " * 3000, "\n" * 1000, "\u4e00" * 3000, "\0" * 500, "\u2581" * 300]
RESERVED = "<s></s><unk><ctl><0x41><|endoftext|><pad>"
some_texts = st.lists(st.one_of(any_text, st.text(f"{RESERVED}ab ", max_size=40), st.sampled_from(AWKWARD)), max_size=6)


def lines(texts: list[str]) -> list[str]:
    return [line for text in texts for line in text.splitlines() if line.strip()]


def sentencepiece_model(file: Path, texts: list[str], **options: Any) -> SentencePieceText:
    model = io.BytesIO()
    chosen: dict[str, Any] = {"model_type": "bpe", "byte_fallback": True} | options
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines(texts)),
        model_writer=model,
        vocab_size=700,
        hard_vocab_limit=False,
        minloglevel=2,
        **chosen,
    )
    file.write_bytes(model.getvalue())
    return SentencePieceText(str(file))


def changed_json(folder: Path, to: Path, change: Callable[[dict[str, Any]], None]) -> HuggingFaceText:
    tree = json.loads((folder / "tokenizer.json").read_text())
    change(tree)
    to.write_text(json.dumps(tree))
    return HuggingFaceText(str(to))


@pytest.fixture(scope="module")
def encoders(
    trained: Path, byte_level: Path, manual: list[str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, TextTokenizer]:
    """Models that gigatoken takes."""
    folder = tmp_path_factory.mktemp("models")
    nfc = Tokenizer.from_file(str(byte_level / "tokenizer.json"))
    nfc.normalizer = normalizers.NFC()
    nfc.save(str(folder / "nfc.json"))
    controls = EXACT | {"control_symbols": ["<ctl>", "the"]}
    return {
        "trained": SentencePieceText(str(trained)),
        "dummy prefix": sentencepiece_model(folder / "prefix.model", manual, **EXACT),
        "control pieces": sentencepiece_model(folder / "control.model", manual, **controls),
        "tokenizer.json": HuggingFaceText(str(byte_level)),
        "tokenizer.json, NFC": HuggingFaceText(str(folder / "nfc.json")),
        **{name: TiktokenText(str(byte_level), name) for name in PATTERNS},
    }


def compare(tokenizer: TextTokenizer, texts: list[str]) -> None:
    assert tokenizer.fast is not None
    codes, offsets = encode_column(tokenizer, pa.array(texts, pa.string()), fast=True)
    expected, ends = tokenizer.encode(texts)
    assert (codes.dtype, offsets.dtype) == (np.dtype(np.uint32), np.dtype(np.int64))
    np.testing.assert_array_equal(offsets, ends)
    np.testing.assert_array_equal(codes, expected)


@given(texts=some_texts)
def test_ids_are_those_of_the_reference(encoders: dict[str, TextTokenizer], texts: list[str]) -> None:
    for tokenizer in encoders.values():
        compare(tokenizer, texts)


def test_awkward_long_and_real_texts_have_the_ids_of_the_reference(
    encoders: dict[str, TextTokenizer], manual: list[str]
) -> None:
    apart = ["<s> the </s>", "a<ctl>b", "<unk>", "<0x41>", "<pad>", "\u2581<", ""]
    for tokenizer in encoders.values():
        compare(tokenizer, [*AWKWARD, *LONG, *manual, *apart, *manual[:2]])


def test_every_piece_as_a_text_has_the_ids_of_the_reference(encoders: dict[str, TextTokenizer]) -> None:
    for tokenizer in encoders.values():
        pieces = [tokenizer.decode([code]) for code in range(tokenizer.size)]
        compare(tokenizer, [*pieces, *(f"{one}{other}" for one, other in zip(pieces, pieces[7:], strict=False))])


def test_columns_of_any_layout_are_encoded(encoders: dict[str, TextTokenizer]) -> None:
    texts = ["one \u2581", "", "two", "a\u2581b", "three"]
    whole = pa.array(texts, pa.string())
    columns = [
        whole.slice(1, 3),
        whole.slice(5),
        pa.chunked_array([whole.slice(2), whole.slice(0, 2)]),
        pa.chunked_array([], pa.string()),
        pa.array(["\u2581"]),
        pa.array(["a"]),
    ]
    for tokenizer in encoders.values():
        for column in columns:
            codes, offsets = encode_column(tokenizer, column, fast=True)
            expected, ends = tokenizer.encode(column.to_pylist())
            assert (codes.tolist(), offsets.tolist()) == (expected.tolist(), ends.tolist())


def test_the_encoder_is_named_and_found_to_agree(encoders: dict[str, TextTokenizer], manual: list[str]) -> None:
    for tokenizer in encoders.values():
        assert agrees(tokenizer, pa.array(manual))
        assert encoder_name(tokenizer, fast=True).startswith("gigatoken 0.")
        assert encoder_name(tokenizer, fast=False).split()[0] == tokenizer.reference


@pytest.mark.parametrize(
    "options",
    [
        {"model_type": "unigram", "byte_fallback": True, **EXACT},
        {"byte_fallback": False, **EXACT},
        {"normalization_rule_name": "nmt_nfkc"},
        {"normalization_rule_name": "identity"},
        {"user_defined_symbols": ["<mask>", "\n"], **EXACT},
        {"treat_whitespace_as_suffix": True, **EXACT},
    ],
    ids=lambda options: ",".join(options),
)
def test_models_whose_ids_differ_are_left_to_sentencepiece(
    tmp_path: Path, manual: list[str], options: dict[str, Any]
) -> None:
    tokenizer = sentencepiece_model(tmp_path / "some.model", manual, **options)
    assert tokenizer.fast is None
    assert not agrees(tokenizer, pa.array(["text"]))
    assert encoder_name(tokenizer, fast=True).startswith("sentencepiece ")
    codes, _ = encode_column(tokenizer, pa.array(["a <mask>\n b"]), fast=True)
    assert codes.tolist() == tokenizer.encode(["a <mask>\n b"])[0].tolist()


def added(**flags: bool) -> dict[str, Any]:
    plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    return {"id": 0, "content": "abc"} | plain | flags


@pytest.mark.parametrize(
    "change",
    [
        {"normalizer": {"type": "Lowercase"}},
        {"normalizer": {"type": "NFC"}, "added_tokens": [added(normalized=True)]},
        {"added_tokens": [added(lstrip=True)]},
        {"added_tokens": [added(single_word=True)]},
        {"pre_tokenizer": {"type": "Whitespace"}},
    ],
    ids=str,
)
def test_a_json_whose_ids_could_differ_is_left_to_its_library(
    byte_level: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    def apply(tree: dict[str, Any]) -> None:
        for token in change.get("added_tokens", []):
            token["id"] = len(tree["model"]["vocab"])
        tree.update(change)

    tokenizer = changed_json(byte_level, tmp_path / "tokenizer.json", apply)
    assert tokenizer.fast is None
    assert encoder_name(tokenizer, fast=True).startswith("tokenizers ")


def test_a_split_pattern_that_it_does_not_know_is_left_to_the_library(byte_level: Path, tmp_path: Path) -> None:
    def apply(tree: dict[str, Any]) -> None:
        split = {"type": "Split", "pattern": {"Regex": r"\w+|\W"}, "behavior": "Isolated", "invert": False}
        tree["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, tree["pre_tokenizer"]]}

    assert changed_json(byte_level, tmp_path / "tokenizer.json", apply).fast is None


def test_without_the_library_the_reference_encodes(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gigatoken", None)
    tokenizer = SentencePieceText(str(trained))
    assert tokenizer.fast is None
    assert encode_column(tokenizer, pa.array(["a b"]), fast=True)[0].tolist() == tokenizer.encode(["a b"])[0].tolist()


def test_ids_that_differ_are_noticed(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = SentencePieceText(str(trained))
    monkeypatch.setattr(gigatoken_encoder, "_PROBES", ("a",))
    assert tokenizer.fast is not None
    assert agrees(tokenizer, pa.array(["of"]))
    monkeypatch.setattr(type(tokenizer.fast.model), "encode_batch", lambda self, texts, parallel: _zeros(texts))
    assert not agrees(tokenizer, pa.array(["of"]))


def _zeros(texts: Any) -> Any:
    import awkward as ak

    return ak.Array(
        ak.contents.ListOffsetArray(
            ak.index.Index64(np.arange(len(texts) + 1)), ak.contents.NumpyArray(np.zeros(len(texts), np.uint32))
        )
    )


def test_unigram_stays_and_has_its_own_fingerprint(manual: list[str], trained: Path, tmp_path: Path) -> None:
    train_sentencepiece(manual, SentencePieceConfig(model="unigram", vocab_size=1000), tmp_path, seed=0)
    unigram, bpe = SentencePieceText(str(tmp_path)), SentencePieceText(str(trained))
    assert (unigram.exact, bpe.exact) == (True, True)
    assert unigram.fingerprint != bpe.fingerprint
    assert unigram.decode(unigram.encode([" the  words "])[0]) == " the  words "


def test_a_model_that_is_loaded_again_gives_the_same_ids(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gigatoken_encoder, "RENEW_BYTES", 10)
    tokenizer = SentencePieceText(str(trained))
    assert tokenizer.fast is not None
    models = [tokenizer.fast.model]
    for _ in range(4):
        compare(tokenizer, ["seven b"])
        models.append(tokenizer.fast.model)
    assert len({id(model) for model in models}) == 2
