"""The principal components of patches are their axes, largest variance first, with the scale of those kept."""

import numpy as np
import pytest
import torch

from triptych.tokenizers.image.linear_start import principal


def test_axes_of_known_variance_are_found_in_order() -> None:
    middle = torch.tensor([5.0, -1.0, 2.0, 7.0])
    # along axis 1 the variance is 2 * 3**2 / 6, along axis 0 2 * 2**2 / 6, along axis 2 2 * 1 / 6, along axis 3 none
    steps = torch.tensor([[0.0, 3.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    mean, components, scale = principal(torch.cat([middle + steps, middle - steps]), 2)
    assert torch.allclose(mean, middle)
    assert torch.allclose(components.abs(), torch.tensor([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]), atol=1e-6)
    assert scale.item() == pytest.approx(((3 + 4 / 3) / 2) ** 0.5)


def test_no_projection_of_as_many_components_leaves_less_error() -> None:
    draw = np.random.default_rng(0)
    patches = torch.from_numpy(draw.normal(size=(200, 6)) @ draw.normal(size=(6, 6)) + 3).float()
    mean, components, _ = principal(patches, 3)
    centred = patches - mean
    assert torch.allclose(components @ components.T, torch.eye(3), atol=1e-5)
    left = (centred - centred @ components.T @ components).square().sum().item()
    singular = np.linalg.svd(centred.numpy(), compute_uv=False)
    assert left == pytest.approx((singular[3:] ** 2).sum(), rel=1e-4)


@pytest.mark.parametrize("count", [1, 4])
def test_patches_without_variance_have_a_scale_that_can_divide(count: int) -> None:
    mean, components, scale = principal(torch.full((count, 3), 0.25), 2)
    assert mean.tolist() == [0.25] * 3
    assert components.shape == (2, 3)
    assert scale.item() == pytest.approx(1e-3)
