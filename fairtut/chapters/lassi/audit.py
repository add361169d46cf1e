"""Numbers that follow from the released settings and code alone, computed here."""

from __future__ import annotations

from dataclasses import replace

import torch

from fairtut.chapters.lassi.measures import numbers
from fairtut.chapters.lassi.presets import LASSI, METHODS, voting
from fairtut.methods.lassi.center import Smoothing
from fairtut.methods.lassi.classifier import Voting
from fairtut.methods.lassi.discover import walk
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel
from fairtut.runtime.seeds import torch_rng

_LATENTS = 200


def measures() -> dict[str, Entry]:
    """Return the constants of the released certificate and what its ``discover`` walks from.

    ``audit.level`` and ``audit.coverage`` are the level of the quantile and the share of draws that
    the check needs; ``audit.cap`` the largest radius in units of the noise on codes;
    ``audit.cap-ratio`` the baselines' cap over LASSI's.  ``audit.projection`` is the distance from
    the hyperplane after our projection, ``audit.released-projection`` the logarithm of the distance
    after the released one over the distance before.
    """
    released, votes = Smoothing(), Voting()
    sigmas = {method: LASSI["paper"].config(method).sigma_rs for method in METHODS}
    body = {
        "audit.level": (released.level, "fraction"),
        "audit.coverage": (released.needed, "fraction"),
        "audit.cap": (votes.cap / votes.sigma, "ratio"),
        "audit.cap-ratio": (voting(sigmas["naive"]).cap / voting(sigmas["lassi"]).cap, "ratio"),
    }
    found = {key: numbers([value], 1, unit) for key, (value, unit) in body.items()}
    return found | _projection()


def _projection(q: int = 3072) -> dict[str, Entry]:
    """Project random latents on random hyperplanes as we do, and as the released code does."""
    rng = torch_rng(0, "audit", "projection")
    z = torch.randn(_LATENTS, q, generator=rng, dtype=torch.float64)
    w, b = torch.randn(q, generator=rng, dtype=torch.float64), torch.tensor(0.5).double()

    def distance(x: torch.Tensor) -> torch.Tensor:
        return (x @ w + b).abs() / w.norm()

    ours = distance(walk(z, w, b, torch.zeros(1).double())[:, 0])
    released = z - (z @ w + b / w.square().sum())[:, None] * w
    logs = (distance(released) / distance(z)).log()
    panel = Panel.unlabelled(_LATENTS)
    return {
        "audit.projection": numbers([float(ours.max())], _LATENTS, "fraction"),
        "audit.released-projection": replace(
            panel.measurement(panel.mean(logs.numpy()[None])), unit="nats"
        ),
    }
