"""From result frames to the measurements that the claims are judged on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from fairtut.chapters.frtrain.protocol import chosen
from fairtut.chapters.frtrain.side import AUDIT_LAMBDA
from fairtut.metrics import Estimate, over_seeds
from fairtut.metrics.entry import Entry

Measures = dict[str, Entry]

UNDEFINED = "no value where nobody is accepted (a ratio of 0/0), or for a spread over one start"

UNITS = {"acc": "fraction", "di": "ratio", "dp": "fraction", "eo": "fraction"}


def by_draw(picked: pd.DataFrame, method: str, training: str, column: str) -> pd.Series:
    """Mean over initialisations of each draw, indexed by draw."""
    mine = picked[(picked["method"] == method) & (picked["training"] == training)]
    return mine.groupby("draw")[column].mean()


def estimate(picked: pd.DataFrame, method: str, training: str, column: str) -> Estimate:
    """Mean over draws with its 95 % t-interval."""
    return over_seeds(by_draw(picked, method, training, column).tolist())


def table(picked: pd.DataFrame, n: int, prefix: str = "table") -> Measures:
    """Accuracy and disparate impact of every selected model, one list per draw."""
    measures: Measures = {}
    for (training, method), rows in picked.groupby(["training", "method"], sort=False):
        for column in ("di", "acc"):
            nested = [group[column].tolist() for _, group in rows.groupby("draw")]
            name = f"{prefix}.{training}.{method}.{column}"
            measures[name] = _entry(nested, n, UNITS[column])
    return measures


def _entry(values: Any, n: int, unit: str) -> Entry:
    flat = [x for seed in values for x in (seed if isinstance(seed, list) else [seed])]
    return Entry(values, n, unit, UNDEFINED if np.isnan(flat).any() else None)


def _difference(a: pd.Series, b: pd.Series | float, n: int, unit: str) -> Entry:
    return _entry((a - b).tolist(), n, unit)


def messages(picked: pd.DataFrame, limit: float, n: int) -> Measures:
    """Paired differences behind the slides' conclusions, one value per draw."""
    known = set(picked["method"])

    def acc(method: str, training: str = "poisoned") -> pd.Series:
        return by_draw(picked, method, training, "acc")

    def di(method: str) -> pd.Series:
        return by_draw(picked, method, "poisoned", "di")

    found: Measures = {}
    for method in known & {"fc", "lbc", "ad", "frtrain", "peer"}:
        cost = _difference(acc(method), acc(method, "clean"), n, "fraction")
        found[f"message.poison-costs.{method}"] = cost
    for method in ("fc", "lbc", "ad", "rml-fc", "rml-lbc", "rml-ad"):
        gain = _difference(acc("frtrain"), acc(method), n, "fraction")
        found[f"message.frtrain-minus.{method}"] = gain
    for method in ("lr", "rml"):
        found[f"message.below-limit.{method}"] = _difference(di(method), limit, n, "ratio")
    found["message.frtrain-fairer"] = _difference(di("frtrain"), di("lr"), n, "ratio")
    found["message.rml-minus-lr"] = _difference(acc("rml"), acc("lr"), n, "fraction")
    for method in ("clean-only", "clean-and-train", "oracle"):
        gain = _difference(acc("frtrain"), acc(method), n, "fraction")
        found[f"control.frtrain-minus.{method}"] = gain
    found["control.label-fed-minus-released"] = _difference(
        acc("label-fed"), acc("frtrain"), n, "fraction"
    )
    return found


def real_messages(picked: pd.DataFrame, name: str, n: int, trained: int) -> Measures:
    """The messages that are tested on a real data set, and its table.

    Its draws are random splits of the same people, ``n`` of them for the test and ``trained`` for
    training: intervals are corrected for what splits share.
    """
    general = messages(picked, 0.8, n)
    wanted = {
        "poison-costs.ad": "message.poison-costs.ad",
        "frtrain-minus.ad": "message.frtrain-minus.ad",
        "frtrain-minus.rml-ad": "message.frtrain-minus.rml-ad",
        "frtrain-minus.clean-only": "control.frtrain-minus.clean-only",
        "label-fed-minus-released": "control.label-fed-minus-released",
    }
    found = {f"real.{name}.{key}": general[source] for key, source in wanted.items()}
    found |= table(picked, n, prefix=f"real.{name}.table")
    return {key: replace(entry, overlap=n / trained) for key, entry in found.items()}


def audit(frame: pd.DataFrame, looks: pd.DataFrame, limit: float, n: int) -> Measures:
    """Measurements of the audit.

    Parameters
    ----------
    frame : DataFrame
        From :func:`~fairtut.chapters.frtrain.protocol.run_draws`.
    looks : DataFrame
        From :func:`~fairtut.chapters.frtrain.side.audit_draw`, all draws.
    limit : float
        Disparate impact of the selection rule.
    n : int
        Test rows of each value.
    """
    of = {name: rows.set_index(["draw", "init"]) for name, rows in looks.groupby("variant")}
    released, label_fed = of["released"], of["label-fed"]
    off, cut, plain = (
        of[f"released, {what} off"] if what else of["debiasing, same mix"]
        for what in ("weights", "gradient", "")
    )
    distance = (released["weight_max"] - 1).combine(1 - released["weight_min"], max)
    select, test = (
        chosen(frame[frame["method"] == "frtrain"], limit, by) for by in ("select", "test")
    )
    clean = chosen(frame[frame["method"].isin(["frtrain", "ad"])], limit)
    return {
        "audit.weight-distance": _entry(_nested(distance), n, "fraction"),
        "audit.sees-poison.released": _entry(_nested(_sees(released)), n, "fraction"),
        "audit.sees-poison.label-fed": _entry(_nested(_sees(label_fed)), n, "fraction"),
        "audit.weights-off": _entry(_nested(released["acc"] - off["acc"]), n, "fraction"),
        "audit.gradient-off": _entry(_nested(cut["acc"] - plain["acc"]), n, "fraction"),
        "audit.clean-minus-ad": _difference(
            by_draw(clean, "frtrain", "clean", "acc"), by_draw(clean, "ad", "clean", "acc"),
            n, "fraction",
        ),
        "audit.test-selection": _difference(
            by_draw(test, "frtrain", "poisoned", "acc"),
            by_draw(select, "frtrain", "poisoned", "acc"), n, "fraction",
        ),
        "audit.seed-spread": _difference(_spread(released), _spread(plain), n, "ratio"),
    }  # fmt: skip


def _sees(rows: pd.DataFrame) -> pd.Series:
    """Mean output of the robustness discriminator on untouched rows minus flipped ones."""
    return rows["score_kept"] - rows["score_flipped"]


def _spread(rows: pd.DataFrame) -> pd.Series:
    """Standard deviation of DI over the initialisations of each draw (NaN for a single one)."""
    return rows.groupby("draw")["di"].std(ddof=1)


def _nested(values: pd.Series) -> list[list[float]]:
    return [group.tolist() for _, group in values.groupby("draw")]


def crowd(true: pd.DataFrame, noisy: pd.DataFrame, n: int) -> Measures:
    """What a crowd-labelled clean set costs, and how the costs compare."""

    def cost(method: str) -> pd.Series:
        return by_draw(noisy, method, "poisoned", "acc") - by_draw(true, method, "poisoned", "acc")

    methods = [
        m for m in ("frtrain", "label-fed", "clean-only", "rml") if m in set(noisy["method"])
    ]
    found = {
        f"control.crowd-minus-true.{m}": _entry(cost(m).tolist(), n, "fraction") for m in methods
    }
    more = cost("clean-only") - cost("frtrain")
    return found | {"control.crowd-clean-only-minus-frtrain": _entry(more.tolist(), n, "fraction")}


def odds(picked: pd.DataFrame, n: int) -> Measures:
    """Equalized-odds gap of FR-Train's variant minus that of plain logistic regression."""
    ours, plain = (by_draw(picked, m, "poisoned", "eo") for m in ("frtrain-eo", "lr"))
    return {"control.eo-frtrain-minus-lr": _difference(ours, plain, n, "fraction")}


__all__ = [
    "AUDIT_LAMBDA",
    "audit",
    "by_draw",
    "crowd",
    "estimate",
    "messages",
    "odds",
    "real_messages",
    "table",
]
