"""The theorem on two vocabularies, and the network for which a trigger only moves a threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import torch

from fairtut.methods.reprogramming import Border, TriggerModule
from fairtut.methods.reprogramming.theory import Pooled, TwoVocabularies, roc
from fairtut.metrics.entry import Entry
from fairtut.runtime.seeds import torch_rng

POINTS: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)
"""p(Z = 1 | trigger word)."""


_WORDS: Final = ((0.6, 0.3, 0.1), (0.1, 0.3, 0.6))

WORLD: Final[Mapping[str, Any]] = {
    "joint": ((0.4, 0.1), (0.1, 0.4)), "words_y": _WORDS, "words_z": _WORDS, "length": 2,
}  # fmt: skip
"""P(Y = Z) = .8; three words of each kind, of which one says nothing; texts of two."""


def world() -> TwoVocabularies:
    """Return the small world of :data:`WORLD`."""
    return TwoVocabularies(**WORLD)


def sweep() -> pd.DataFrame:
    """Return MI of the frozen Bayes classifier's decisions against p(z | trigger).

    One row per p and version (``soft``: Ŷ drawn from the posterior; ``hard``: thresholded), with
    ``given_y`` = I(Ŷ;Z|Y) and ``marginal`` = I(Ŷ;Z) in nats, and ``accuracy``; p = 0.5 says nothing
    here, so it is the deployed classifier.
    """
    here, rows = world(), []
    for p in POINTS:
        for version in ("soft", "hard"):
            out = here.triggered(p, soft=version == "soft")
            rows.append({"p": p, "version": version, "given_y": out.given_y,
                         "marginal": out.marginal, "accuracy": out.accuracy})  # fmt: skip
    return pd.DataFrame(rows)


def pooled(n: int = 400, seed: int = 0) -> dict[str, Any]:
    """Put a trigger before a network that averages local features and has a linear head.

    Returns
    -------
    dict
        ``shift``: the change of the logit's margin by the trigger, (n,), the same for everybody;
        ``plain`` and ``triggered``: exact ROC curves of random labels, (k, 2) each.
    """
    rng = torch_rng(seed, "pooled")
    net = Pooled(generator=rng).eval()
    x = torch.rand(n, 3, 16, 16, generator=rng)
    y = torch.randint(0, 2, (n,), generator=rng).numpy()
    trigger = TriggerModule(Border(3), (16, 16), generator=rng)
    with torch.no_grad():
        room = trigger.shape.make_room(x, trigger.mask)
        plain, moved = (net(v)[:, 1] - net(v)[:, 0] for v in (room, trigger(x)))
    shift = (moved - plain).double().numpy()
    # rounding makes ties of neighbours differ; the curves of rounded scores are compared
    rounded = (np.round((plain.double() + float(shift[0])).numpy(), 4), np.round(moved.numpy(), 4))
    return {"shift": shift, "plain": roc(rounded[0], y), "triggered": roc(rounded[1], y)}


def measures() -> dict[str, Entry]:
    """Return the chapter's numbers on the theory; exact ones have one value."""
    here, table = world(), sweep()
    soft = table[table.version == "soft"]
    texts = here.texts_y.shape[1] * here.texts_z.shape[1]
    end, found = here.triggered(1.0, soft=True), pooled()

    def one(value: float, unit: str, n: int = texts) -> Entry:
        return Entry([float(value)], n, unit)

    return {
        "theory.mi-saturated": one(end.given_y, "nats"),
        "theory.marginal-saturated": one(end.marginal, "nats"),
        "theory.largest-rise": one(max(float(np.diff(soft.given_y).max()), 0.0), "nats"),
        "theory.pooled-spread": one(float(np.ptp(found["shift"])), "ratio", len(found["shift"])),
    }
