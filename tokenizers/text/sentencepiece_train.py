"""Trains the default text tokenizer: SentencePiece with byte fallback and no normalisation, so that text is kept.

Unigram rather than BPE: it encodes four times as fast for 3 % more tokens (docs strings, novels and encyclopaedia
at 8,000 pieces). Its sums round by thread count, so that count is a constant here and not the machine's.
"""

import heapq
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import sentencepiece
import xxhash

from ...schemas.config.tokenizers import SentencePieceConfig
from ...schemas.errors import Refusal
from .sentencepiece_text import BYTES, MODEL_FILE, SPACE

THREADS = 2
CHUNK = 4096  # characters; SentencePiece leaves out longer sentences without a word
COVERAGE = 0.9995  # share of characters that get a piece of their own; the rest is bytes
# a sentence with SentencePiece's mark for unknown characters is left out, and its space mark is read as a space
_RESERVED = re.compile(f"[{SPACE}\u2585]")


def train_sentencepiece(texts: Iterable[str], config: SentencePieceConfig, folder: Path, *, seed: int) -> None:
    """Train on up to `config.sample_bytes` of the texts and write text.model into `folder`.

    The same texts in any order, config and seed give the same bytes on any machine. A corpus that has no use
    for `vocab_size` pieces gives fewer. Raises Refusal when the texts hold nothing to learn from.
    """
    sample = common(draw(texts, config.sample_bytes, seed), (config.vocab_size - BYTES) // 2)
    if not any(chunk.strip("\r\n\0") for chunk in sample):
        raise Refusal("training the text tokenizer: the sources hold no text. Check their paths and `text` columns.")
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sample),
            model_writer=model,
            model_type="unigram",
            vocab_size=config.vocab_size,
            hard_vocab_limit=False,
            character_coverage=COVERAGE,
            required_chars=SPACE,
            byte_fallback=True,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            allow_whitespace_only_pieces=True,
            max_sentence_length=4 * CHUNK,
            # the shared id space has specials of its own
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            num_threads=THREADS,
            minloglevel=2,
        )
    except RuntimeError as error:
        why = " ".join(str(error).split())[:300]
        raise Refusal(
            f"training the text tokenizer: SentencePiece gave up on {len(sample)} chunks of text with "
            f"`vocab_size: {config.vocab_size}` ({why}). Give more text or another `vocab_size`."
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(model.getvalue())


def draw(texts: Iterable[str], limit: int, seed: int) -> list[str]:
    """Chunks of the texts, at most `limit` UTF-8 bytes together: those of least hash, in the order of the hash.

    So the sample depends on the texts and the seed, and not on the order in which the texts come.
    """
    heap: list[tuple[int, str]] = []  # the greatest hash first
    held, threshold = 0, -(1 << 64)
    for chunk in _chunks(texts):
        data = chunk.encode()
        rank = -xxhash.xxh3_64_intdigest(data, seed)
        if rank <= threshold:
            continue
        heapq.heappush(heap, (rank, chunk))
        held += len(data)
        while held > limit:
            threshold, dropped = heapq.heappop(heap)
            held -= len(dropped.encode())
    return [chunk for _, chunk in sorted(heap, reverse=True)]


def common(chunks: list[str], most: int) -> list[str]:
    """The chunks, cut apart at all characters but the `most` commonest, which then leave room for longer pieces."""
    characters = Counter[str]()
    for chunk in chunks:
        characters.update(chunk)
    rare = {ord(character): SPACE for character, _ in characters.most_common()[most:]}
    return [part for chunk in chunks for part in chunk.translate(rare).split(SPACE)] if rare else chunks


def _chunks(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for part in _RESERVED.split(text):
            for start in range(0, len(part), CHUNK):
                yield part[start : start + CHUNK]
