import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from triptych.schemas.config.tokenizers import SentencePieceConfig
from triptych.schemas.errors import Refusal
from triptych.tokenizers.text.sentencepiece_text import SentencePieceText
from triptych.tokenizers.text.sentencepiece_train import draw, split_at_rare_characters, train_sentencepiece

TRAIN_ON = """
import os, sys
from pathlib import Path
from pydoc_data.topics import topics
cores = sorted(os.sched_getaffinity(0))[: int(sys.argv[1])]
os.sched_setaffinity(0, cores)
from triptych.schemas.config.tokenizers import SentencePieceConfig
from triptych.tokenizers.text.sentencepiece_train import train_sentencepiece
texts = [topics[name] for name in sorted(topics)][:25]
train_sentencepiece(texts, SentencePieceConfig(vocab_size=1000), Path(sys.argv[2]), seed=0)
"""


def model(folder: Path) -> bytes:
    return (folder / "text.model").read_bytes()


def test_same_bytes_whatever_the_order_and_the_folder(manual: list[str], trained: Path, tmp_path: Path) -> None:
    shuffled = random.Random(1).sample(manual, len(manual))
    train_sentencepiece(iter(shuffled), SentencePieceConfig(vocab_size=1000), tmp_path / "a" / "b", seed=0)
    assert model(tmp_path / "a" / "b") == model(trained)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
@pytest.mark.parametrize("cores", [1, 2])
def test_same_bytes_on_any_number_of_cores(trained: Path, tmp_path: Path, cores: int) -> None:
    subprocess.run([sys.executable, "-c", TRAIN_ON, str(cores), str(tmp_path)], check=True, timeout=120)
    assert model(tmp_path) == model(trained)


def test_model_holds_no_path(trained: Path) -> None:
    assert str(trained).encode() not in model(trained)
    assert os.fsencode(Path.cwd()) not in model(trained)


def test_training_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    train_sentencepiece(["a few words", "and more"], SentencePieceConfig(), tmp_path, seed=0)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("corpus", [["a"], ["   "], ["\ta\tb"], ["\0x"], ["\U0001f600\U0001f600"], ["hello world"] * 3])
def test_tiny_corpora_give_a_smaller_exact_model(tmp_path: Path, corpus: list[str]) -> None:
    train_sentencepiece(corpus, SentencePieceConfig(), tmp_path, seed=0)
    text = SentencePieceText(str(tmp_path))
    assert text.exact
    assert 257 < text.size < 300
    assert text.decode(text.encode([" other  words "])[0]) == " other  words "


@pytest.mark.parametrize("corpus", [[], [""], ["\n\n", "\r\n"], ["\0"], ["\u2581\u2585"]])
def test_nothing_to_learn_from_is_refused(tmp_path: Path, corpus: list[str]) -> None:
    with pytest.raises(Refusal, match="hold no text"):
        train_sentencepiece(corpus, SentencePieceConfig(), tmp_path, seed=0)
    assert not (tmp_path / "text.model").exists()


def test_one_long_line_is_learned_from(manual: list[str], tmp_path: Path) -> None:
    line = " ".join(manual).replace("\n", " ")
    train_sentencepiece([line], SentencePieceConfig(vocab_size=1000), tmp_path, seed=0)
    assert len(line.encode()) / len(SentencePieceText(str(tmp_path)).encode([line])[0]) > 2.5


def test_reserved_marks_cost_no_text(manual: list[str], trained: Path, tmp_path: Path) -> None:
    marked = ["\u2585" + text + "\u2581" for text in manual]
    train_sentencepiece(marked, SentencePieceConfig(vocab_size=1000), tmp_path, seed=0)
    assert model(tmp_path) == model(trained)


def test_more_characters_than_pieces_leave_room_for_both(tmp_path: Path) -> None:
    common_part = "\u4e00\u4e01\u4e02" * 3000
    rare_part = "".join(chr(0x4E10 + i) for i in range(5000))
    train_sentencepiece([common_part, rare_part], SentencePieceConfig(vocab_size=300), tmp_path, seed=0)
    text = SentencePieceText(str(tmp_path))
    assert text.size <= 300
    assert len(text.encode(["\u4e00\u4e01\u4e02"])[0]) <= 3
    assert text.decode(text.encode([rare_part])[0]) == rare_part


def test_no_marks_of_other_vocabularies(trained: Path) -> None:
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(trained / "text.model"))
    assert (theirs.bos_id(), theirs.eos_id(), theirs.pad_id()) == (-1, -1, -1)


def test_the_seed_decides_when_there_is_too_much_text(manual: list[str], tmp_path: Path) -> None:
    config = SentencePieceConfig(vocab_size=400, sample_bytes=50_000)
    for seed in (0, 1):
        train_sentencepiece(manual, config, tmp_path / str(seed), seed=seed)
    assert model(tmp_path / "0") != model(tmp_path / "1")


@given(
    texts=st.lists(st.text(max_size=20), max_size=30), limit=st.integers(1, 200), seed=st.integers(0, 3), data=st.data()
)
def test_draw_keeps_to_the_limit_and_ignores_order(
    texts: list[str], limit: int, seed: int, data: st.DataObject
) -> None:
    drawn = draw(texts, limit, seed)
    assert sum(len(chunk.encode()) for chunk in drawn) <= limit
    assert draw(data.draw(st.permutations(texts)), limit, seed) == drawn


@given(texts=st.lists(st.text(max_size=20), max_size=30))
def test_draw_takes_everything_when_there_is_room(texts: list[str]) -> None:
    drawn = "".join(sorted("".join(draw(texts, 1_000_000, 0))))
    assert drawn == "".join(sorted("".join(texts).replace("\u2581", "").replace("\u2585", "")))


def test_common_keeps_the_commonest_characters() -> None:
    assert split_at_rare_characters(["aabbz", "ab"], 2) == ["aabb", "", "ab"]
    assert split_at_rare_characters(["abc"], 3) == ["abc"]
