"""Fresh probes: what can still be read from a code by somebody who starts anew."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtut.models.mlp import MLP
from fairtut.runtime.fit import descend, fit
from fairtut.runtime.seeds import stream_seed, torch_rng


def probe(
    z: Tensor, label: Tensor, z_test: Tensor, *, hidden: tuple[int, ...], seed: int
) -> Tensor:
    """Train a classifier on codes and return its guesses on other codes.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Codes to learn from; they give the standardisation.
    label : int64 tensor, shape (n,)
        What to read.
    z_test : Tensor, shape (m, d)
    hidden : tuple of int
        Hidden layers; empty for a linear probe.
    seed : int

    Returns
    -------
    Tensor of int64, shape (m,), on the CPU

    Notes
    -----
    Ten passes of Adam with a falling learning rate and dropout for the hidden probe, the same for
    every code, so that two codes are compared by one reader.
    """
    mean, std = z.mean(0), z.std(0) + 1e-6
    net = MLP(z.shape[1], hidden, 2, generator=torch_rng(seed, "probe", len(hidden)))
    if hidden:
        net.layers.insert(0, nn.Dropout(0.2))
    net = net.to(z.device)
    adam = torch.optim.Adam(net.parameters(), 5e-3, weight_decay=1e-4)
    known = (z - mean) / std

    def step(rows: Tensor, done: float) -> dict[str, Tensor]:
        adam.param_groups[0]["lr"] = 5e-3 * (1 - done)
        loss = functional.cross_entropy(net(known[rows]), label[rows])
        descend(adam, loss)
        return {"loss": loss}

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "probe"))
        fit(len(z), step, epochs=10, batch=128, seed=seed, what="probe", device=z.device)
    with torch.inference_mode():
        return net.eval()((z_test - mean) / std).argmax(1).cpu()
