"""Counts documents that are held out, and validated on, while the same documents are trained on.

Among datasets whose segments have a content, the side of a document is a function of that content, so no document is
on both sides and nothing has to be read. Only where a dataset of an earlier version is among them, whose documents are
held out by their ids, a document may be held out in one and trained on in the other. Then the documents are compared by
their tokens (all datasets have one vocabulary): hashes of the held-out ones are collected, and those of the trained
ones are formed shard by shard beside them, so memory grows with the held-out documents only.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from ...schemas.dataset.layout import TASK_SLOT
from ...schemas.dataset.reader import Dataset, Shard
from ...schemas.errors import Refusal
from .split import is_held_out, key_words, split_keys

HASH = pa.binary(16)


class Part(NamedTuple):
    """A dataset, or some groups of its rows."""

    url: str
    fingerprint: str  # of the manifest
    groups: tuple[str, ...]


def require_disjoint(held: Sequence[Part], trained: Sequence[Part], share: float, key: str) -> None:
    """Raise Refusal if documents that are held out of some parts are trained on in others.

    Args:
        held: Parts whose held-out documents are used for validation or evaluation.
        trained: Parts whose other documents are trained on.
        share: Share of documents that are held out.
        key: Key or option with which a user goes on all the same, for the message.
    """
    count = count_overlap(tuple(held), tuple(trained), share)
    if count:
        raise Refusal(
            f"{count:,} documents that are held out of {_names(held)} are also among the documents that are trained on "
            f"in {_names(trained)}: an earlier version prepared at least one of these datasets, and its documents are "
            f"held out by their ids. Prepare it again, or give {key} to go on all the same."
        )


def require_not_trained_on(held: Sequence[Part], trained: Sequence[Part], share: float, key: str) -> None:
    """Raise Refusal if documents of datasets that are used for validation alone are trained on.

    Args:
        held: Parts that are validated on, with all of their documents.
        trained: Parts that are trained on, but for a share of their documents.
        share: That share.
        key: Key with which a user goes on all the same, for the message.
    """
    opened = {part: Dataset(part.url) for part in {*held, *trained}}
    by_tokens = len({dataset.manifest.has_content for dataset in opened.values()}) > 1
    keys = _keys if by_tokens else _split_keys
    validated = [one for part in held for one in keys(opened[part], part.groups, 1.0, held_out=True)]
    wanted = pc.unique(pa.chunked_array(validated, HASH))
    found = [pa.array([], HASH)]
    for part in trained:
        for one in keys(opened[part], part.groups, share, held_out=False):
            found.append(pc.unique(one.filter(pc.is_in(one, value_set=wanted))))
    if count := len(pc.unique(pa.chunked_array(found, HASH))):
        raise Refusal(
            f"{count:,} documents of {_names(held)}, which is named for validation, are also among the documents that "
            f"are trained on in {_names(trained)}. Remove them, or give {key} to go on all the same."
        )


def _split_keys(dataset: Dataset, groups: Sequence[str], share: float, *, held_out: bool) -> Iterator[pa.Array]:
    """Yield what the side of each document follows, of the documents on one side, a shard at a time."""
    for entry in dataset.manifest.shards:
        if entry.group in groups and entry.rows:
            keys = split_keys(dataset.open(entry).batch.column("segments").flatten())
            yield keys.filter(pa.array(is_held_out(key_words(keys), share) == held_out))


def _names(parts: Sequence[Part]) -> str:
    return ", ".join(dict.fromkeys(part.url for part in parts))


@cache
def count_overlap(held: tuple[Part, ...], trained: tuple[Part, ...], share: float) -> int:
    """Return the number of held-out documents that are also trained on, with the arguments of `require_disjoint`."""
    opened = {part: Dataset(part.url) for part in {*held, *trained}}

    @cache
    def held_out(part: Part) -> pa.ChunkedArray:
        return pa.chunked_array(list(_keys(opened[part], part.groups, share, held_out=True)), HASH)

    found = [pa.array([], HASH)]
    for part in trained:
        others = [one for one in held if may_differ(opened[one].manifest, opened[part].manifest)]
        if others:
            wanted = pc.unique(pa.chunked_array([keys for one in others for keys in held_out(one).chunks], HASH))
            for keys in _keys(opened[part], part.groups, share, held_out=False):
                found.append(pc.unique(keys.filter(pc.is_in(keys, value_set=wanted))))
    return len(pc.unique(pa.chunked_array(found, HASH)))


class Split(Protocol):
    """What the side of a dataset's documents follows from."""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the manifest."""

    @property
    def has_content(self) -> bool:
        """Whether its documents are held out by their content, and not by their ids."""


def may_differ(one: Split, other: Split) -> bool:
    """Whether a document that two datasets have may be held out in one of them only."""
    return one.fingerprint != other.fingerprint and not (one.has_content and other.has_content)


def count_moved(part: Part, before: float, now: float) -> int:
    """Return the number of documents that a share holds out and a smaller one does not.

    Args:
        part: Rows of a dataset.
        before: The smaller share.
        now: The larger share.
    """
    dataset, found = Dataset(part.url), [pa.array([], HASH)]
    for entry in dataset.manifest.shards:
        if entry.group in part.groups:
            keys = split_keys(dataset.open(entry).batch.column("segments").flatten())
            words = key_words(keys)
            found.append(pc.unique(keys.filter(pa.array(is_held_out(words, now) & ~is_held_out(words, before)))))
    return len(pc.unique(pa.chunked_array(found, HASH)))


def _keys(dataset: Dataset, groups: Sequence[str], share: float, *, held_out: bool) -> Iterator[pa.Array]:
    """Yield hashes of the tokens of the documents on one side of the split, a shard at a time."""
    for entry in dataset.manifest.shards:
        if entry.group in groups and entry.rows:
            shard = dataset.open(entry)
            segments = shard.batch.column("segments").flatten()
            side = is_held_out(key_words(split_keys(segments)), share) == held_out
            yield _token_hashes(shard, np.flatnonzero(side & (segments.field("offset").to_numpy() == 0)).tolist())


def _token_hashes(shard: Shard, chosen: Sequence[int]) -> pa.Array:
    """Return the xxh3-128 of the tokens of some segments; of a text longer than a row, of its first segment."""
    lists, tokens = shard.batch.column("segments"), shard.matrix("tokens")
    segments = lists.flatten()
    row = np.searchsorted(lists.offsets.to_numpy(), chosen, side="right") - 1
    begin = row * tokens.shape[1] + segments.field("start").to_numpy()[chosen]
    end = begin + segments.field("length").to_numpy()[chosen]
    flat = tokens.reshape(-1)
    pairs = zip((begin + TASK_SLOT).tolist(), end.tolist(), strict=True)
    return pa.array([xxhash.xxh3_128_digest(flat[start:stop].data) for start, stop in pairs], HASH)
