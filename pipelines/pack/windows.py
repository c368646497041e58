"""Windows of partitions: the samples of a window are dealt to shards of its own.

If every shard drew from every partition, a corpus of P partitions and S shards would take P x S pieces, which grows
with the square of the corpus. A window is a random draw of partitions, whatever files they come from, and takes a
number of pieces that does not depend on the corpus.
"""

from collections.abc import Iterator, Mapping, Sequence

from ..engines.partition import Partition

WINDOW_PARTITIONS = 64  # 2 GiB of raw bytes at the default partition_bytes
WINDOW_SHARDS = 4  # worth of tokens, since partitions may be small


def in_windows(groups: Mapping[str, Sequence[Partition]], shard_tokens: float) -> Iterator[tuple[str, list[Partition]]]:
    """Yield the windows of every group with the group's name.

    Args:
        groups: Tokenized partitions by group.
        shard_tokens: Tokens of a shard.
    """
    for group, parts in groups.items():
        for window in windows(parts, WINDOW_SHARDS * shard_tokens):
            yield group, window


def windows(parts: Sequence[Partition], tokens: float) -> list[list[Partition]]:
    """Draw partitions into windows, in the order of their keys.

    A key is a hash of content and settings, so the draw depends neither on the order of the files nor on workers. A
    window has at least WINDOW_PARTITIONS partitions and `tokens` tokens; what is left at the end goes to the last one,
    so a corpus that fills less than two is dealt as a whole, in the order of its partitions.

    Args:
        parts: Tokenized partitions, whose notes have their tokens.
        tokens: Least number of tokens of a window.
    """
    drawn: list[list[Partition]] = [[]]
    held = 0
    for part in sorted(parts, key=lambda part: part.key):
        if held >= tokens and len(drawn[-1]) >= WINDOW_PARTITIONS:
            drawn.append([])
            held = 0
        drawn[-1].append(part)
        held += part.note["tokens"]
    if len(drawn) > 1 and (held < tokens or len(drawn[-1]) < WINDOW_PARTITIONS):
        rest = drawn.pop()
        drawn[-1] += rest
    return drawn if len(drawn) > 1 else [list(parts)]
