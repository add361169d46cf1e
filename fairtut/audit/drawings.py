"""The two figures of an audit: what each group gets, and the plane with its controls."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from fairtut.audit.controls import CONSTANT, MIXING, MOVED, Control, Proposal
from fairtut.audit.measured import Audit
from fairtut.page.canvas import whiskers
from fairtut.page.figures import svg
from fairtut.page.plane import plot_tradeoff
from fairtut.page.style import MARKERS, PALETTE, use_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES: Final[Mapping[str, str]] = {
    "selection_rate": "selection rate",
    "tpr": "true positive rate",
    "fpr": "false positive rate",
    "ppv": "precision (PPV)",
    "accuracy": "accuracy",
}
_LETTERS: Final = 24


def rates(found: Audit) -> str:
    """Draw the rates of each group with their intervals, as an ``<svg>`` element."""
    from matplotlib.figure import Figure

    use_style()
    known = [rate for rate in TITLES if rate in next(iter(found.rates.values()))]
    groups = list(found.groups)
    fig = Figure(figsize=(6.4, 0.7 + len(known) * (0.25 + 0.17 * len(groups))))
    ax = fig.subplots()
    step = 0.7 / max(len(groups), 1)
    for i, group in enumerate(groups):
        rows = [found.rates[group][rate] for rate in known]
        y = [place + 0.35 - step * (i + 0.5) for place in reversed(range(len(known)))]
        x = [one.value for one in rows]
        ends = [one.low for one in rows], [one.high for one in rows]
        color = PALETTE[i % len(PALETTE)]
        whiskers(ax, x, y, of_x=ends, color=color, lw=1.6)
        label = _short(found.names[group])
        ax.plot(x, y, ls="", marker=MARKERS[i % len(MARKERS)], color=color, label=label)
    ax.set_yticks(range(len(known)), [TITLES[rate] for rate in reversed(known)])
    ax.set_xlim(-0.02, 1.02)
    ax.set_xlabel("share of the group's people that the rate is about")
    ax.grid(axis="y", visible=False)
    if len(groups) <= len(PALETTE):  # beyond that the table says who is who
        fig.legend(loc="outside lower center", ncols=min(len(groups), 3), fontsize=8)
    spoken = "; ".join(
        f"{found.names[g]}: "
        + ", ".join(f"{TITLES[r]} {found.rates[g][r].value:.2f}" for r in known)
        for g in groups[: len(PALETTE)]
    )
    with warnings.catch_warnings():  # a name in any script: the reader's own fonts draw it
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        return svg(fig, name="rates", alt=f"Rates by group. {spoken}.", title="Rates by group")


def plane(found: Audit, proposal: Proposal) -> str:
    """Draw these decisions among the controls, as an ``<svg>`` element."""
    import pandas as pd

    shown = [c for c in found.controls if c.name not in (CONSTANT, MIXING)]
    frame = pd.DataFrame([_row(c, found.metric) for c in shown])
    fig: Figure = plot_tradeoff(
        frame, metric=found.metric, constant=proposal.constant, mixing=proposal.mixing,
        threshold=proposal.threshold, draw=None, setting="none",
    )  # fmt: skip
    alt = "; ".join(
        f"{c.name}: accuracy {c.accuracy.value:.3f}, gap {c.gap.value:.3f}" for c in found.controls
    )
    try:
        return svg(fig, name="plane", alt=alt, title="Accuracy and gap, with the controls")
    finally:
        import matplotlib.pyplot as plt

        plt.close(fig)


def _row(one: Control, metric: str) -> dict[str, object]:
    parts = {"accuracy": one.accuracy, metric: one.gap}
    ends = {
        f"{name}_{end}": getattr(found, end)
        for name, found in parts.items()
        for end in ("low", "high")
    }
    method = f"{one.name}, chosen" if one.name == MOVED else one.name  # the curve has the name
    return {"method": method, **{k: v.value for k, v in parts.items()}, **ends}


def _short(text: str) -> str:
    """Cut a group's name for a legend, and take its dollars, which would start a formula."""
    text = "".join(c if c.isprintable() else "�" for c in text).replace("$", r"\$")
    text = re.sub(r"^_", "\u2017", text)  # matplotlib hides what starts so
    return text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"
