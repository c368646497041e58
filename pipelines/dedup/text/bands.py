"""How a signature is cut into bands, so that similar texts share at least one whole band.

Two signatures that agree in a share s of their places have a band of r places in common with a chance of s^r, and at
least one of b bands with 1 - (1 - s^r)^b (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, 3.4).
"""

LEAST_CHANCE = 0.95


def chance(similarity: float, bands: int, rows: int) -> float:
    """The chance that two texts of a Jaccard similarity become candidates."""
    return float(1 - (1 - similarity**rows) ** bands)


def bands_of(threshold: float, permutations: int) -> tuple[int, int]:
    """(bands, rows): as many rows a band as leave a pair at the threshold a candidate with a chance of .95.

    More rows make fewer candidates of dissimilar texts. A few places at the end of the signature may be in no band.
    """
    likely = [
        rows for rows in range(1, permutations + 1) if chance(threshold, permutations // rows, rows) >= LEAST_CHANCE
    ]
    return permutations // max(likely), max(likely)


def s_curve(bands: int, rows: int) -> list[tuple[float, float]]:
    """(similarity, chance to be a candidate) in steps of .05."""
    return [(step / 20, chance(step / 20, bands, rows)) for step in range(21)]
