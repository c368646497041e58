"""Division of a signature into bands, so that similar texts share at least one whole band.

Two signatures that agree in a share s of their numbers agree in a band of r numbers with probability s^r, and in at
least one of b bands with probability 1 - (1 - s^r)^b (Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets",
3.4, http://www.mmds.org).
"""

LEAST_CHANCE = 0.95


def chance(similarity: float, bands: int, rows: int) -> float:
    """Probability that two texts with a Jaccard similarity become candidates."""
    return float(1 - (1 - similarity**rows) ** bands)


def bands_of(threshold: float, permutations: int) -> tuple[int, int]:
    """Return (bands, rows) for a signature.

    Bands have as many rows as possible such that a pair at the threshold is a candidate with probability .95. More rows
    give fewer candidates among dissimilar texts. A few numbers at the end of the signature may be in no band.
    """
    likely = [
        rows for rows in range(1, permutations + 1) if chance(threshold, permutations // rows, rows) >= LEAST_CHANCE
    ]
    return permutations // max(likely), max(likely)


def s_curve(bands: int, rows: int) -> list[tuple[float, float]]:
    """Return (similarity, probability to be a candidate) in steps of .05."""
    return [(step / 20, chance(step / 20, bands, rows)) for step in range(21)]
