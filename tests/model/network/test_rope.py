import torch

from triptych.model.network.rope import rotate, rotation


def test_products_depend_on_the_distance_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k = (torch.randn(1, 1, 1, 64, generator=generator).expand(1, 50, 1, 64) for _ in range(2))
    turn = rotation(torch.arange(50)[None], 64)
    products = torch.einsum("blhe,bmhe->lm", rotate(q, turn), rotate(k, turn))
    for distance in (-7, 0, 3):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(rotate(q, turn).norm(dim=-1), q.norm(dim=-1))


def test_the_type_stays() -> None:
    turn = rotation(torch.arange(3)[None], 64)
    assert rotate(torch.ones(1, 3, 2, 64, dtype=torch.bfloat16), turn).dtype == torch.bfloat16
