"""The plain DVGE of the chapter is the package's, for other seeds, sizes and settings, too."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from fairtut.methods import dvge, latent
from fairtut.methods.dvge import training
from fairtut.methods.dvge.focus import focus
from fairtut.methods.latent.objectives import minibatch_tc
from fairtut.models.vae import ConvVAE
from fairtut.runtime.seeds import stream_seed, torch_rng
from tests.written import written

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def plain() -> dict[str, object]:
    """The functions that the notebook shows, read from there: they stand nowhere else."""
    return written(
        "03_dvge", "plain_encoder", "plain_focus", "plain_classifier", "plain_tc", F=functional,
        torch=torch, torch_rng=torch_rng, stream_seed=stream_seed,
    )  # fmt: skip


def codes(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn(n, 5, generator=rng, dtype=torch.float64)
    s = (z[:, 0] + torch.randn(n, generator=rng, dtype=torch.float64) > 0).long()
    y = (z[:, 1] + 0.5 * z[:, 0] > 0).long()
    return z, s, y


@pytest.mark.parametrize("kind", dvge.FOCI)
@pytest.mark.parametrize("eps", [None, 0.05])
def test_classifiers_agree_under_every_reading(plain, kind, eps):
    z, s, y = codes(96, 3)
    config = dvge.Config(hidden=(9,), batch=24, epochs=3, lr=2e-2, focus=kind, eps=eps)

    def start() -> torch.nn.Module:
        return training.start(7, 1, z, config).member(0).double().requires_grad_(True)

    d = plain["plain_classifier"](z, s, start(), config, 7)
    fast_d = dvge.fit_classifiers(z, s, config, [7])
    torch.testing.assert_close(d(z), fast_d(z)[0], rtol=0, atol=1e-10)
    mine, theirs = plain["plain_focus"](d, z, kind, s), focus(fast_d, z, kind, s)[0]
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-10)
    g = plain["plain_classifier"](z, y, start(), config, 7, mine, eta1=0.6, eta2=0.3)
    fast = dvge.fit_grid(z, y, theirs, [0.6], [0.3], config, [7])
    torch.testing.assert_close(g(z), fast.logits(z)[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize(("seed", "gamma"), [(1, 6.4), (2, 0.5)])
def test_encoders_agree_with_and_without_a_heavy_total_correlation(plain, seed, gamma):
    rng = torch.Generator().manual_seed(seed)
    x = torch.rand(48, 3, 16, 16, generator=rng)
    config = latent.Config(
        kind="factor", gamma=gamma, epochs=1, batch=12, lr=2e-3, lr_d=1e-3, hidden=(8,)
    )
    model, again = (ConvVAE(4, 16, 4, generator=torch_rng(seed, "vae")) for _ in range(2))
    judge = latent.build(config, model, seed).adversary["d"].member(0).requires_grad_(True)
    plain["plain_encoder"](x, model.encoder, model.decoder, judge, config, seed)
    objective = latent.build(config, again, seed)
    latent.train(again, x, config, seed, objective=objective)
    torch.testing.assert_close(model.codes(x), again.codes(x), rtol=0, atol=1e-4)
    told = objective.adversary["d"](again.codes(x))[0]
    torch.testing.assert_close(judge(model.codes(x)), told, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("rows", "width", "n"), [(2, 1, 2), (7, 3, 7), (12, 4, 500)])
def test_the_total_correlation_agrees_with_its_loops(plain, rows, width, n):
    draw = torch_rng(0, f"tc-{rows}")
    mean, log_var, z = torch.randn(3, rows, width, generator=draw, dtype=torch.float64)
    by_loops = plain["plain_tc"](z, mean, log_var, n)
    torch.testing.assert_close(minibatch_tc(z[None], mean[None], log_var[None], n)[0], by_loops)
