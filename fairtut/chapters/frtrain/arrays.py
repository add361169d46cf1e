"""The authors' own arrays and crowd answers, where a user has placed them.

They carry no licence, so nothing here ships or downloads them: the files are those of the public
repository, in the folder ``frtrain`` of the data root.  Without them the measurements are absent
and their claims say "not tested".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtut.data.files import data_root
from fairtut.data.poison import flip_labels
from fairtut.methods.frtrain import RELEASED_CLEAN, RELEASED_POISONED, Config, train
from fairtut.metrics import accuracy, disparate_impact
from fairtut.metrics.entry import Entry

TRAIN, CLEAN, TEST = slice(0, 1800), slice(2000, 2200), slice(2700, 3700)
CROWD_NAMES = {"COMPAS": "compas", "AdultCensus": "adult"}
PUBLISHED = {
    "clean": (RELEASED_CLEAN, (0.20, 0.85)),
    "poisoned": (RELEASED_POISONED, (0.10, 0.52)),
}
"""Settings of the two public notebooks whose printed numbers are claims."""


def folder() -> Path | None:
    """Return the folder with the authors' files, or None."""
    path = data_root() / "frtrain"
    return path if (path / "X_synthetic.npy").is_file() else None


def measurements(fused: bool = True) -> Mapping[str, Entry]:
    """Measure the released variant, the poisoning recipe and the crowd on the authors' files.

    Returns
    -------
    mapping of str to Entry
        Empty if the files are not there.
    """
    path = folder()
    if path is None:
        return {}
    x, s, y, poisoned = _load(path)
    recipe = flip_labels(x[:2000], s[:2000], y[:2000], count=200)
    common = int(np.sum(recipe.flipped & (poisoned != y[:2000])))
    found = {"arrays.poison-recipe": Entry([common], 2000, "count")}
    for training, (config, lambdas) in PUBLISHED.items():
        labels = y[TRAIN] if training == "clean" else poisoned[TRAIN]
        found |= _released(x, s, y, labels, training, config, lambdas, fused)
    for name in CROWD_NAMES:
        found |= _crowd(path / f"{name}_crowdsourcing_data.csv", CROWD_NAMES[name])
    return found


def _load(path: Path) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    arrays = [
        np.load(path / f"{name}_synthetic.npy", allow_pickle=False) for name in ("X", "s1", "y")
    ]
    x, s, y = arrays
    y_poisoned = np.load(path / "y_poi.npy", allow_pickle=False)
    return x[:, :2], s, (y + 1) / 2, (y_poisoned + 1) / 2


def _released(
    x: NDArray[Any], s: NDArray[Any], y: NDArray[Any], labels: NDArray[Any], training: str,
    config: Config, lambdas: tuple[float, ...], fused: bool,
) -> dict[str, Entry]:  # fmt: skip
    out = train(
        x[TRAIN], s[TRAIN], labels, (x[CLEAN], s[CLEAN], y[CLEAN]),
        lambda_f=lambdas, seeds=[1] * len(lambdas), config=config, fused=fused,
    )  # fmt: skip
    found = {}
    for lam, logit in zip(lambdas, out.logit(x[TEST], s[TEST]), strict=True):
        decision = (logit > 0).astype(int)
        name = f"arrays.{training}-{round(100 * lam):02d}"
        n = len(decision)
        acc = float(accuracy(y[TEST].astype(int), decision))
        di = float(disparate_impact(None, decision, s[TEST].astype(int)))
        found[f"{name}.acc"] = Entry([acc], n, "fraction")
        found[f"{name}.di"] = Entry([di], n, "ratio")
    return found


def _crowd(path: Path, name: str) -> dict[str, Entry]:
    """Accuracy of single answers and of the majority of 11; an answer of 3 or 4 means yes."""
    import pandas as pd

    frame = pd.read_csv(path)
    says_yes = frame[[f"ans_{i}" for i in range(1, 12)]].to_numpy() >= 3  # (n, 11)
    truth = frame["true_label"].to_numpy() == 1
    single = float((says_yes == truth[:, None]).mean())
    majority = float(((says_yes.mean(1) > 0.5) == truth).mean())
    return {
        f"crowd.{name}.single": Entry([single], says_yes.size, "fraction"),
        f"crowd.{name}.majority": Entry([majority], len(truth), "fraction"),
    }
