"""P13: the head that is asked little says what the dense computation says."""

import pytest
import torch

from triptych.model.network import head as module
from triptych.model.network.head import Head
from triptych.model.network.slices import Slices
from triptych.schemas.vocabulary import Special, Vocabulary

from ..conftest import VOCABULARY

WIDTHS = Slices.of(VOCABULARY).widths
GROUPS = ((1, 9), (2, 4), (4, 6))
BIAS = pytest.mark.parametrize("bias", [False, True], ids=["weights alone", "with a bias"])


def asked() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    classes = [torch.randint(WIDTHS[index], (count,), generator=generator) for index, count in GROUPS]
    return torch.randn(19, 32, generator=generator), torch.cat(classes)


def made(bias: bool) -> Head:
    head, generator = Head(32, WIDTHS, bias), torch.Generator().manual_seed(1)
    torch.nn.init.normal_(head.weight, std=0.2, generator=generator)
    if head.bias is not None:
        torch.nn.init.normal_(head.bias, generator=generator)
    return head


def dense(head: Head, h_ND: torch.Tensor, class_N: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """All logits everywhere, those of other slices at minus infinity."""
    ends = torch.tensor(WIDTHS).cumsum(0)
    slices = torch.repeat_interleave(*torch.tensor(GROUPS).T)
    rows = torch.arange(int(ends[-1]))
    allowed = (rows >= (ends - torch.tensor(WIDTHS))[slices][:, None]) & (rows < ends[slices][:, None])
    logits_NC = h_ND @ head.weight.T + (0 if head.bias is None else head.bias)
    log_z = logits_NC.masked_fill(~allowed, -torch.inf).logsumexp(-1)
    log_p = logits_NC.masked_fill(~allowed, -torch.inf).log_softmax(-1)
    return -log_p.gather(1, (ends - torch.tensor(WIDTHS))[slices][:, None] + class_N[:, None])[:, 0], log_z


@BIAS
@pytest.mark.parametrize("logits", [1 << 25, 41, 100])
def test_equal_to_the_dense_computation(logits: int, bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LOGITS", logits)  # in one chunk or many
    gradients, values = [], []
    for way in (lambda head, h, c: head(h, c, GROUPS), dense):
        head, (h_ND, class_N) = made(bias), asked()
        nats, log_z = way(head, h_ND.requires_grad_(), class_N)
        (nats * torch.linspace(1, 2, 19) + log_z**2).sum().backward()
        values.append((nats.detach(), log_z.detach()))
        gradients.append([h_ND.grad, *(parameter.grad for parameter in head.parameters())])
    for ours, theirs in zip([*values[0], *gradients[0]], [*values[1], *gradients[1]], strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-5)


@BIAS
def test_logits_are_those_of_the_loss(bias: bool) -> None:
    head, (h_ND, class_N) = made(bias), asked()
    nats, _ = head(h_ND, class_N, GROUPS)
    log_p = head.logits(h_ND[9:13], 2).log_softmax(-1)
    torch.testing.assert_close(-log_p.gather(1, class_N[9:13, None])[:, 0], nats[9:13])


@BIAS
def test_nothing_asked_nothing_said_and_every_gradient_there(bias: bool) -> None:
    head, h_ND = made(bias), torch.zeros(0, 32, requires_grad=True)
    nats, log_z = head(h_ND, torch.zeros(0, dtype=torch.int64), ())
    assert len(nats) == len(log_z) == 0
    (nats + log_z**2).sum().backward()
    assert all(parameter.grad is not None for parameter in head.parameters())
    assert h_ND.grad is not None


def test_there_is_no_row_for_pad_mask_or_structure() -> None:
    slices = Slices.of(VOCABULARY)
    assert slices.widths == (0, 41, 24, 12, 10)
    ids = [slices.token_of(torch.arange(width), index) for index, width in enumerate(slices.widths) if width]
    every = torch.cat(ids).tolist()
    assert every == [Special.EOS, *range(256, VOCABULARY.size)]
    for index, tokens in enumerate(ids, start=1):
        classes = slices.class_of(tokens, torch.full_like(tokens, index))
        assert classes.tolist() == list(range(slices.widths[index]))


def test_a_vocabulary_may_lack_a_block() -> None:
    assert Slices.of(Vocabulary(text=5, audio=(3,))).widths == (0, 6, 3)
