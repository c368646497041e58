"""Training of the default text tokenizer: SentencePiece with byte fallback and without normalisation.

BPE by default: gigatoken encodes it three times as fast as SentencePiece encodes a unigram model, in 8 % fewer tokens
(encyclopaedia texts at 8,000 pieces). The thread count changes how the sums of the unigram model are rounded, so
it is a constant here.
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
from ...schemas.errors import Refusal, brief
from .sentencepiece_text import BYTES, MODEL_FILE, SPACE

THREADS = 2
CHUNK = 4096  # characters; SentencePiece silently ignores longer sentences
COVERAGE = 0.9995  # share of characters that get their own piece; the rest is encoded as bytes
# SentencePiece ignores sentences with its mark for unknown characters, and reads its space mark as a space
_RESERVED = re.compile(f"[{SPACE}\u2585]")


def train_sentencepiece(texts: Iterable[str], config: SentencePieceConfig, folder: Path, *, seed: int) -> None:
    """Train on up to `config.sample_bytes` of the texts and write text.model into `folder`.

    The result depends on the set of texts, config and seed, not on the order of the texts or on the machine. A corpus
    that is too small for `vocab_size` pieces gets fewer.

    Raises:
        Refusal: The texts hold nothing to learn from.
    """
    sample = split_at_rare_characters(draw(texts, config.sample_bytes, seed), (config.vocab_size - BYTES) // 2)
    if not any(chunk.strip("\r\n\0") for chunk in sample):
        raise Refusal("training the text tokenizer: the sources hold no text. Check their paths and `text` columns.")
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sample),
            model_writer=model,
            model_type=config.model,
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
            # the shared id space has its own special tokens
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            num_threads=THREADS,
            minloglevel=2,
        )
    except RuntimeError as error:
        why = brief(error)
        raise Refusal(
            f"training the text tokenizer: SentencePiece failed on {len(sample)} chunks of text with "
            f"`vocab_size: {config.vocab_size}` ({why}). Give more text or another `vocab_size`."
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(model.getvalue())


def draw(texts: Iterable[str], limit: int, seed: int) -> list[str]:
    """Sample chunks of the texts, independently of the order of the texts.

    Args:
        texts: The texts.
        limit: Maximum size of the sample, in UTF-8 bytes.
        seed: Seed of the hash.

    Returns:
        The chunks with the smallest hashes, ordered by hash.
    """
    heap: list[tuple[int, str]] = []  # negated hashes, so that the largest hash is first
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


def split_at_rare_characters(chunks: list[str], most: int) -> list[str]:
    """Split chunks at all but the `most` frequent characters, which leaves room for longer pieces."""
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
