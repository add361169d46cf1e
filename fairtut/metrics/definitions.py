r"""Every metric of the suite under a fixed name, with the paper that uses it.

"Equalised odds" names at least six different numbers in five papers: a sum, a mean or a maximum
of two gaps, gaps between groups or to the average, halved or not.  Each one is a function with
its formula, and :data:`DEFINITIONS` says who uses it.  :func:`metric` looks a name up;
:meth:`~fairtut.metrics.Definition.of_table` works on batches of counts.

A metric that reads 0 says that *this* difference was not seen in *these* people.  It never says
that a classifier is fair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from fairtut.errors import UnknownName
from fairtut.metrics.accuracies import (
    accuracy,
    balanced_accuracy,
    group_accuracy_gap,
    worst_group_accuracy,
)
from fairtut.metrics.measuring import Definition
from fairtut.metrics.odds import (
    average_odds_difference,
    equal_opportunity_gap,
    equal_opportunity_ratio,
    equalized_odds_deviation,
    equalized_odds_gap,
    joint_tp_gap,
)
from fairtut.metrics.parity import (
    demographic_parity_deviation,
    demographic_parity_gap,
    demographic_parity_ratio,
)
from fairtut.metrics.values import Value

_FR_TRAIN = "FR-Train (Roh et al. 2020), slides and released code"
_FAAP = "FAAP (Wang et al. 2022), section 5"
_DVGE = "DVGE (Zhang et al. 2023), slides"
_DVGE_CODE = "DVGE (Zhang et al. 2023), released validation routine, printed as EO"
_REPRO = "Fairness Reprogramming (Zhang et al. 2022), formula of the paper"
_REPRO_CODE = "Fairness Reprogramming (Zhang et al. 2022), released code: mean over groups"
_P = r"P(\hat y=1 \mid s)"
_SPREAD = r"\max_s {0} - \min_s {0}"
_TPR, _FPR = r"\mathrm{TPR}_s", r"\mathrm{FPR}_s"
_ODDS = r"|\Delta\mathrm{TPR}|", r"|\Delta\mathrm{FPR}|"
_AWAY = r"|\mathrm{FPR}-\mathrm{FPR}_s| + |\mathrm{FNR}-\mathrm{FNR}_s|"


def _gap_definition(
    name: str,
    function: Callable[..., Value],
    paper: str,
    formula: str,
    axis: str,
    top: float = 1.0,
    **options: Any,
) -> Definition:
    """A definition for which 0 is perfect and smaller is fairer."""
    return Definition(name, function, paper, formula, (0.0, top), 0.0, False, axis, options)


def _share_definition(
    name: str, function: Callable[..., Value], paper: str, formula: str, axis: str, **options: Any
) -> Definition:
    """A definition for which 1 is perfect and larger is fairer (or better)."""
    return Definition(name, function, paper, formula, (0.0, 1.0), 1.0, True, axis, options)


_ALL = (
    _share_definition("accuracy", accuracy, "all five", r"P(\hat y = y)", "accuracy"),
    _share_definition(
        "balanced_accuracy",
        balanced_accuracy,
        "control of this suite",
        r"\frac1K\sum_k P(\hat y=k \mid y=k)",
        "balanced accuracy",
    ),
    _share_definition(
        "worst_group_accuracy",
        worst_group_accuracy,
        "group-shift literature, with groups s",
        r"\min_s P(\hat y=y \mid s)",
        "accuracy of the worst group",
    ),
    _share_definition(
        "worst_cell_accuracy",
        worst_group_accuracy,
        "Fairness Reprogramming (Zhang et al. 2022), selection rule of the released code",
        r"\min_{s,k} P(\hat y=y \mid s, y=k)",
        "accuracy of the worst (group, label) cell",
        by_label=True,
    ),
    _gap_definition(
        "group_accuracy_gap",
        group_accuracy_gap,
        "DVGE (Zhang et al. 2023), released code: accuracy parity gap",
        _SPREAD.format(r"P(\hat y=y \mid s)"),
        "accuracy gap",
    ),
    _share_definition(
        "di",
        demographic_parity_ratio,
        _FR_TRAIN,
        r"\min\!\left(\frac{p_0}{p_1}, \frac{p_1}{p_0}\right),\; p_s = " + _P,
        "disparate impact (1 = equal selection rates)",
    ),
    _share_definition(
        "demographic_parity_ratio",
        demographic_parity_ratio,
        "fairlearn's name for disparate impact",
        rf"\min_s {_P} / \max_s {_P}",
        "selection-rate ratio",
    ),
    _gap_definition(
        "demographic_parity_gap",
        demographic_parity_gap,
        f"{_FAAP} (DP); {_DVGE} (ΔDP)",
        _SPREAD.format(_P),
        "demographic parity gap",
    ),
    _gap_definition(
        "dp",
        demographic_parity_deviation,
        _REPRO + "; equals the gap for two groups",
        r"\sum_s |P(\hat y=1) - P(\hat y=1 \mid s)|",
        "DP (sum over groups)",
        top=float("inf"),
    ),
    _gap_definition(
        "dp_half",
        demographic_parity_deviation,
        _REPRO_CODE + ", half the gap for two groups; its CelebA axis fits this one",
        r"\frac1S\sum_s |P(\hat y=1) - P(\hat y=1 \mid s)|",
        "DP (mean over groups)",
        reduce="mean",
    ),
    _gap_definition(
        "equal_opportunity_gap",
        equal_opportunity_gap,
        f"{_DVGE} (ΔEO)",
        _SPREAD.format(_TPR),
        "equal opportunity gap",
    ),
    _share_definition(
        "equal_opportunity_ratio",
        equal_opportunity_ratio,
        "ratio form of the same comparison",
        rf"\min_s {_TPR} / \max_s {_TPR}",
        "TPR ratio",
    ),
    _gap_definition(
        "joint_tp_gap",
        joint_tp_gap,
        _DVGE_CODE,
        _SPREAD.format(r"P(\hat y=1, y=1 \mid s)"),
        "joint true-positive gap",
    ),
    _gap_definition(
        "equalized_odds_gap",
        equalized_odds_gap,
        "this suite's default: the sum",
        " + ".join(_ODDS),
        "equalised odds gap (sum)",
        top=2.0,
        reduce="sum",
    ),
    _gap_definition(
        "deo",
        equalized_odds_gap,
        _FAAP + "; that the two gaps are summed follows from its tables",
        r"|\Delta\mathrm{FPR}| + |\Delta\mathrm{FNR}|",
        "DEO (sum of the FPR and FNR gaps)",
        top=2.0,
        reduce="sum",
    ),
    _gap_definition(
        "equalized_odds_mean",
        equalized_odds_gap,
        "average of the absolute gaps; fairlearn's agg='mean'",
        rf"\tfrac12({' + '.join(_ODDS)})",
        "equalised odds gap (mean)",
        reduce="mean",
    ),
    _gap_definition(
        "equalized_odds_max",
        equalized_odds_gap,
        "fairlearn's default, agg='worst_case'",
        rf"\max({', '.join(_ODDS)})",
        "equalised odds gap (max)",
        reduce="max",
    ),
    _gap_definition(
        "eo_half",
        equalized_odds_deviation,
        _REPRO + "; equals equalized_odds_mean for two groups",
        rf"\tfrac12\sum_s({_AWAY})",
        "EO (half the sum over groups)",
        top=float("inf"),
    ),
    _gap_definition(
        "eo_code",
        equalized_odds_deviation,
        _REPRO_CODE + ", unhalved: the console line of its CelebA loop",
        rf"\frac1S\sum_s({_AWAY})",
        "EO (mean over groups)",
        top=2.0,
        reduce="mean",
        halved=False,
    ),
    _gap_definition(
        "eo_code_half",
        equalized_odds_deviation,
        _REPRO_CODE + " and halved: ED_FR",
        rf"\frac1{{2S}}\sum_s({_AWAY})",
        "EO (half the mean over groups)",
        reduce="mean",
    ),
    Definition(
        "average_odds_difference",
        average_odds_difference,
        "AIF360's average odds difference; signs can cancel",
        r"\tfrac12[(\mathrm{TPR}_1-\mathrm{TPR}_0) + (\mathrm{FPR}_1-\mathrm{FPR}_0)]",
        (-1.0, 1.0),
        0.0,
        None,
        "average odds difference (signed)",
    ),
)

#: Every metric by name.
DEFINITIONS: Mapping[str, Definition] = MappingProxyType({d.name: d for d in _ALL})
_ALIASES = {"disparate_impact": "di"}


def metric(name: str) -> Definition:
    """Look a metric up by name.

    Raises
    ------
    fairtut.errors.UnknownName
        No such metric; the message lists the names and the nearest one.

    Examples
    --------
    >>> from fairtut.metrics import metric
    >>> metric("deo").paper
    'FAAP (Wang et al. 2022), section 5; that the two gaps are summed follows from its tables'
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> float(metric("deo")(y, y_hat, s))
    1.0
    """
    name = _ALIASES.get(name, name)
    if name not in DEFINITIONS:
        raise UnknownName.of("metric", name, DEFINITIONS)
    return DEFINITIONS[name]


def as_definition(what: str | Definition | Callable[..., Any], **options: Any) -> Definition | None:
    """Definition behind a name, a public function or a ``partial`` of one; None for any other."""
    if isinstance(what, str):
        return metric(what).with_options(**options)
    if isinstance(what, Definition):
        return what.with_options(**options)
    if isinstance(what, partial) and not what.args:
        return as_definition(what.func, **{**what.keywords, **options})
    known = (d for d in _ALL if d.function is what)
    name = getattr(what, "__name__", "")
    found = DEFINITIONS.get(name) or next(known, None)
    if found is None or found.function is not what:
        return None
    return found.with_options(**options)
