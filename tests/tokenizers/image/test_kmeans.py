"""k-means finds clusters from any start, and its parts agree with their plain definitions."""

import numpy as np
import torch

from triptych.tokenizers.image.kmeans import BLOCK, assign, kmeans, sums_by_code


def test_two_clusters_are_found_from_any_start() -> None:
    points = torch.tensor([[0.0], [1.0], [100.0], [101.0]])
    for seed in range(12):
        centres = kmeans(points, 2, 5, np.random.default_rng(seed))
        assert sorted(centres.flatten().tolist()) == [0.5, 100.5]
    assert points.flatten().tolist() == [0.0, 1.0, 100.0, 101.0]  # the input stays as it was


def test_an_empty_cluster_restarts_at_the_farthest_point() -> None:
    # most starts draw two zeros, of which only the first gets points
    points = torch.tensor([[0.0]] * 9 + [[10.0]])
    for seed in range(12):
        assert kmeans(points, 2, 1, np.random.default_rng(seed)).max().item() == 10.0
        assert sorted(kmeans(points, 2, 3, np.random.default_rng(seed)).flatten().tolist()) == [0.0, 10.0]


def test_fewer_points_than_codes_are_all_codes() -> None:
    points = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    centres = kmeans(points, 5, 3, np.random.default_rng(0))
    assert centres.shape == (5, 2)
    assert {tuple(row) for row in centres.tolist()} == {(1.0, 2.0), (3.0, 4.0)}


def test_the_nearest_centre_of_every_point_is_found_in_every_block() -> None:
    draw = np.random.default_rng(0)
    points, centres = draw.integers(-9, 10, (BLOCK + 5, 3)), draw.integers(-9, 10, (7, 3)) + 0.5
    squared = ((points[:, None] - centres[None]) ** 2).sum(2)
    nearest, distance = assign(torch.from_numpy(points).float(), torch.from_numpy(centres).float())
    assert np.allclose(distance.numpy(), squared.min(1), atol=1e-3)
    assert np.allclose(squared[np.arange(len(points)), nearest.numpy()], squared.min(1))


def test_sums_are_those_of_the_points_of_each_code() -> None:
    points = torch.tensor([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    sums = sums_by_code(points, torch.tensor([2, 0, 2]), 4)
    assert sums.dtype == torch.float64
    assert sums.tolist() == [[2.0, 20.0], [0.0, 0.0], [5.0, 50.0], [0.0, 0.0]]
