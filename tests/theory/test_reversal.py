"""Adversarial training by gradient reversal."""

import pytest
import torch

from fairtut.errors import InputError
from fairtut.methods.latent import reversal
from fairtut.models.table_vae import TableVAE
from fairtut.models.vae import ConvVAE


def toy(n=600, members=2):
    """Rows whose first number knows the label and whose second knows the group."""
    rng = torch.Generator().manual_seed(0)
    s = torch.randint(0, 2, (n,), generator=rng)
    y = torch.where(torch.rand(n, generator=rng) < 0.75, s, 1 - s)
    x = torch.randn(n, 4, generator=rng) * 0.7
    x[:, 0] += y * 1.5
    x[:, 1] += s * 2.0
    return x.expand(members, n, 4).contiguous(), y, s


def model(members=2, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return TableVAE(members, 4, (), latent=3, hidden=(16,), generator=rng)


def test_forward_is_the_identity_and_backward_turns_round():
    z = torch.randn(2, 5, 3, requires_grad=True)
    strength = torch.tensor([0.5, 2.0])[:, None, None]
    out = reversal.reverse(z, strength)
    assert torch.equal(out, z)
    cotangent = torch.randn_like(z)
    out.backward(cotangent)
    torch.testing.assert_close(z.grad, -strength * cotangent)


def gap(net, x, s):
    y_hat = net.decisions(x).float()  # (k, n)
    return (y_hat[:, s == 1].mean(1) - y_hat[:, s == 0].mean(1)).abs()


def test_a_strong_adversary_closes_the_gap_of_its_member_only():
    x, y, s = toy()
    c = reversal.Config(hidden=(16,), epochs=30, lr=5e-3)
    net = reversal.train(model(), x, y, s, torch.tensor([0.0, 3.0]), config=c).net
    free, fair = gap(net, x, s)
    assert fair < free - 0.15
    alone = reversal.train(model(), x, y, s, 0.0, config=c).net
    torch.testing.assert_close(gap(alone, x, s)[0], free, atol=0.02, rtol=0)


def test_images_too_and_the_decoder_stays():
    vae = ConvVAE(4, 16, 4)
    before = [p.clone() for p in vae.decoder.parameters()]
    x = torch.randint(0, 256, (80, 3, 16, 16), dtype=torch.uint8)
    y = torch.arange(80) % 2
    done = reversal.train(vae, x, y, 1 - y, 1.0, config=reversal.Config(epochs=1, batch=16))
    assert done.net.decisions(x).shape == (1, 80)
    assert all(torch.equal(a, b) for a, b in zip(before, vae.decoder.parameters(), strict=True))
    assert set(done.history[0]) == {"task", "sensitive"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"strength": -1.0}, "strength"), ({"y": torch.zeros(3)}, "y of shape"),
     ({"s": torch.full((600,), 2)}, "s of shape")],
)  # fmt: skip
def test_bad_input_is_named(changes, says):
    x, y, s = toy()
    wanted = {"y": y, "s": s, "strength": 1.0} | changes
    with pytest.raises(InputError, match=says):
        reversal.train(model(), x, **wanted)
