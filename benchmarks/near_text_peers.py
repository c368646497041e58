"""Clusters of near-duplicate texts beside those of datatrove and text-dedup, and why they differ.

    python -m benchmarks.near_text_peers DOCS.jsonl.gz… [--megabytes 12] [--threshold .7] [--json]

English documents, as many from each file; shingles of 5 words, the bands and rows that Triptych derives from the
threshold. The libraries' own steps say what they join; a pair that only one of two joins is explained by its exact
similarity, in Triptych's shingles and in the library's. Libraries that are not installed are left out:

    pip install datatrove spacy orjson text-dedup 'xxhash<4'
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from triptych.pipelines.dedup.components import components
from triptych.pipelines.dedup.text.minhash import MinHash
from triptych.schemas.config.dedup import NearText

from .measure import machine, spread
from .peer_edges import Edges, Peer, datatrove, text_dedup
from .planted_texts import found_pairs
from .texts import exact_shingles, jaccard, read_texts

Labels = npt.NDArray[np.int64]
Find = Callable[[Sequence[str], int, int, int], Peer]
PEERS: dict[str, Find] = {"datatrove": datatrove, "text_dedup": text_dedup}


def label(count: int, edges: Iterable[tuple[int, int]]) -> Labels:
    """Of every text the first of its cluster."""
    left, right = np.array(sorted(edges), np.int64).reshape(-1, 2).T
    with components(count, [(left, right)]) as least:
        return np.array(least)


def pairs_within(*labels: Labels) -> int:
    """Pairs of texts that all the labellings put in one cluster."""
    _, counts = np.unique(np.stack(labels), axis=1, return_counts=True)
    return int((counts * (counts - 1) // 2).sum())


def why(ours: float, theirs: float, threshold: float, is_ours: bool) -> str:
    """What makes the difference, by exact similarities in our shingles and in theirs."""
    if is_ours and theirs < threshold <= ours:
        return "alike in our shingles alone"
    if not is_ours and ours < threshold <= theirs:
        return "alike in their shingles alone"
    if is_ours:
        return "below the threshold, our estimate is above" if ours < threshold else "above the threshold, they miss it"
    return "below the threshold, they do not verify" if theirs < threshold else "above the threshold, we miss it"


def explain(
    texts: Sequence[str], ours: Edges, peer: Peer, labels: tuple[Labels, Labels], threshold: float
) -> dict[str, list[float]]:
    """Exact similarities, in our shingles, of the pairs that one side joins and the other does not, by reason."""
    reasons: defaultdict[str, list[float]] = defaultdict(list)
    for is_ours, edges, there in ((True, ours, labels[1]), (False, peer.edges, labels[0])):
        for one, other in sorted({(min(pair), max(pair)) for pair in edges}):
            if there[one] != there[other]:
                exact = jaccard(exact_shingles(texts[one]), exact_shingles(texts[other]))
                theirs = jaccard(peer.shingles(texts[one]), peer.shingles(texts[other]))
                reasons[why(exact, theirs, threshold, is_ours)].append(exact)
    return dict(sorted(reasons.items()))


def compare(texts: Sequence[str], near: MinHash) -> dict[str, dict[str, Any]]:
    """What each installed peer makes of the texts, beside ours."""
    ours = sorted(found_pairs(texts, near))
    mine = label(len(texts), ours)
    found: dict[str, dict[str, Any]] = {"triptych": _clusters(mine)}
    for name in filter(find_spec, PEERS):
        peer = PEERS[name](texts, *near.bands, near.config.words)
        theirs = label(len(texts), peer.edges)
        found[name] = _clusters(theirs) | {
            "pairs in one cluster, also ours": pairs_within(mine, theirs),
            "joined by one alone": {
                reason: {"pairs": len(exact), **spread(exact)}
                for reason, exact in explain(texts, ours, peer, (mine, theirs), near.config.threshold).items()
            },
        }
    return found


def _clusters(labels: Labels) -> dict[str, Any]:
    _, sizes = np.unique(labels, return_counts=True)
    clusters = sizes[sizes > 1]
    return {
        "clusters": len(clusters),
        "texts in them": int(clusters.sum()),
        "largest": int(sizes.max()),
        "pairs in one cluster": pairs_within(labels),
    }


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--megabytes", default=12.0, show_default=True)
@click.option("--threshold", default=0.7, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(files: tuple[str, ...], megabytes: float, threshold: float, as_json: bool) -> None:
    """Compare on English documents of FILES."""
    texts = [text for file in files for text in read_texts([file], megabytes / len(files), 100, 50_000)]
    near = MinHash(NearText(threshold=threshold))
    found = compare(texts, near)
    facts = {"machine": machine(), "texts": len(texts), "threshold": threshold, "bands and rows": near.bands}
    if as_json:
        click.echo(json.dumps(facts | {"found": found}))
        return
    _print(facts, found)


def _print(facts: dict[str, Any], found: dict[str, dict[str, Any]]) -> None:
    console = Console(width=100)
    clusters = Table("", *found)
    for row in ("clusters", "texts in them", "largest", "pairs in one cluster", "pairs in one cluster, also ours"):
        clusters.add_row(row, *(str(one.get(row, "")) for one in found.values()))
    differences = Table("joined by one alone", "", "pairs", "min", "median", "max")
    for name, one in found.items():
        for reason, pairs in one.get("joined by one alone", {}).items():
            similarity = (f"{pairs[key]:.2f}" for key in ("min", "median", "max"))
            differences.add_row(name, reason, str(pairs["pairs"]), *similarity)
    console.print(clusters)
    console.print(differences)
    for name, fact in facts.items():
        click.echo(f"{name}: {fact}")


if __name__ == "__main__":
    main()
