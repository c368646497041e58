"""Muon: the update of torch.optim.Muon, a matrix at a time, and on shards that of the whole."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from triptych.train.distributed.process_group import ProcessGroup
from triptych.train.optim.muon import Muon, orthogonal

GROUP: dict[str, Any] = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2}


def gradients(shape: tuple[int, int], steps: int = 4) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(shape, generator=generator) for _ in range(steps)]


def stepped(
    parameter: torch.nn.Parameter, optimizer: torch.optim.Optimizer, given: Sequence[torch.Tensor]
) -> torch.Tensor:
    for gradient in given:
        parameter.grad = gradient.clone()
        optimizer.step()
    return parameter.detach()


@pytest.mark.parametrize("shape", [(24, 24), (40, 16), (16, 40)])
def test_updates_are_those_of_torch(shape: tuple[int, int]) -> None:
    ours, theirs = (torch.nn.Parameter(torch.ones(shape)) for _ in range(2))
    given = gradients(shape)
    found = stepped(ours, Muon([{"params": [ours], **GROUP}], {}), given)
    expected = stepped(theirs, torch.optim.Muon([theirs], **GROUP), given)
    assert torch.allclose(found, expected, atol=0.02)  # torch multiplies in bfloat16
    assert float((found - 1).abs().mean()) > 0.05


def test_each_of_fused_matrices_is_orthogonalized_by_itself() -> None:
    fused = torch.nn.Parameter(torch.zeros(36, 12))
    apart = [torch.nn.Parameter(torch.zeros(12, 12)) for _ in range(3)]
    given = [gradient * torch.arange(1.0, 4.0).repeat_interleave(12)[:, None] for gradient in gradients((36, 12))]
    found = stepped(fused, Muon([{"params": [fused], **GROUP}], {fused: 3}), given)
    alone = [
        stepped(each, Muon([{"params": [each], **GROUP}], {}), [gradient[12 * n : 12 * n + 12] for gradient in given])
        for n, each in enumerate(apart)
    ]
    assert torch.allclose(found, torch.cat(alone), atol=1e-5)
    whole = torch.nn.Parameter(torch.zeros(36, 12))
    assert not torch.allclose(found, stepped(whole, Muon([{"params": [whole], **GROUP}], {}), given), atol=0.02)


def test_singular_values_are_near_one_at_every_shape() -> None:
    for rows, columns in ((16, 16), (64, 16), (16, 64)):
        scale = max(1.0, rows / columns) ** 0.5
        values = torch.linalg.svdvals(orthogonal(torch.stack(gradients((rows, columns)))) / scale)
        assert values.min() > 0.3
        assert values.max() < 1.3


def test_a_gradient_of_zeros_moves_nothing() -> None:
    parameter = torch.nn.Parameter(torch.ones(4, 4))
    found = stepped(parameter, Muon([{"params": [parameter], **GROUP, "weight_decay": 0.0}], {}), [torch.zeros(4, 4)])
    assert torch.equal(found, torch.ones(4, 4))


def test_sharded_parameters_are_updated_as_whole_ones() -> None:
    process = ProcessGroup.start()
    try:
        mesh, given = init_device_mesh("cpu", (1,)), gradients((12, 8))
        plain = torch.nn.Parameter(torch.ones(12, 8))
        sharded = torch.nn.Parameter(distribute_tensor(torch.ones(12, 8), mesh, [Shard(0)]))
        parts = [distribute_tensor(gradient, mesh, [Shard(0)]) for gradient in given]
        expected = stepped(plain, Muon([{"params": [plain], **GROUP}], {plain: 3}), given)
        found = stepped(sharded, Muon([{"params": [sharded], **GROUP}], {sharded: 3}), parts)
        assert isinstance(found, DTensor)
        assert torch.equal(found.full_tensor(), expected)
    finally:
        process.close()
