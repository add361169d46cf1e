"""Table 1 from its cells: shares with intervals over people, differences, and fair comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from fairtut.chapters.lassi.presets import EQUAL, METHODS, Preset
from fairtut.chapters.lassi.protocol import Cell, Certified, Exact
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Values = Callable[[Cell], Any]

BASELINES: Final = METHODS[:2]
KEPT: Final = 0.03
"""Accuracy that may be lost and still count as kept."""
MOST: Final = 0.90
"""What the abstract says certified fairness rises by, at most."""
NEAR: Final = {"acc": 0.08, "fair": 0.10}
"""How far from the poster's number a share may lie and still count as near it."""


class Table:
    """The cells of a table, and the people that all of them were certified on.

    Parameters
    ----------
    cells : sequence of Cell
        All of one task and one kind of attribute vectors.
    preset : Preset

    Attributes
    ----------
    panel : Panel
        The evaluated test images, with their joint resamples.
    """

    def __init__(self, cells: Sequence[Cell], preset: Preset) -> None:
        self.cells, self.preset = list(cells), preset
        y = cells[0].y
        self.panel = Panel(np.zeros_like(y), np.zeros_like(y))  # resamples; labels are in the cells

    @cached_property
    def settings(self) -> list[str]:
        """The settings, in the order of the cells."""
        return list(dict.fromkeys(cell.spec.setting for cell in self.cells))

    def of(self, setting: str, method: str) -> list[Cell]:
        """Return the cells of one place in the table, one per seed."""
        return [c for c in self.cells if (c.spec.setting, c.spec.method) == (setting, method)]

    def draws(self, setting: str, method: str, values: Values) -> Floats:
        """Return means over people of a value per image, (seeds, 1 + resamples)."""
        return self.panel.mean(np.stack([values(cell) for cell in self.of(setting, method)]))

    def best(self, setting: str, method: str, *, right: bool = False) -> float:
        """Return the noise with the largest certified share of validation images.

        The share is a mean over seeds; ties go to the more accurate, then to the smaller noise.

        Parameters
        ----------
        setting, method : str
        right : bool
            Count those only who are decided right, too.
        """
        cells = self.of(setting, method)
        if not cells[0].val:
            return cells[0].spec.sigmas[0]

        def merit(sigma: float) -> tuple[float, float, float]:
            found = [(c.val[sigma].fair, c.val[sigma].right(c.y_val)) for c in cells]
            share = np.mean([(fair & good if right else fair).mean() for fair, good in found])
            return float(share), float(np.mean([good.mean() for _, good in found])), -sigma

        return max(cells[0].spec.sigmas, key=merit)

    def equal(self, setting: str) -> float:
        """Return LASSI's noise on codes, which the baselines are given too."""
        ours = self.of(setting, "lassi")
        return ours[0].spec.sigmas[0] if ours else EQUAL

    def frame(self) -> pd.DataFrame:
        """Return a row per setting, method, noise and seed.

        Columns: ``setting``, ``method``, ``sigma``, ``seed``, ``published`` (whether it is that
        noise), and shares of the evaluated test images ``acc`` and ``fair``.
        """
        import pandas as pd

        rows = []
        for cell in self.cells:
            spec = cell.spec
            for sigma, found in cell.test.items():
                rows.append({
                    "setting": spec.setting, "method": spec.method, "sigma": sigma,
                    "seed": spec.seed, "published": sigma == spec.sigmas[0],
                    "acc": found.right(cell.y).mean(), "fair": found.fair.mean(),
                })  # fmt: skip
        return pd.DataFrame(rows)


def at(sigma: float | None = None) -> Callable[[Cell], Certified]:
    """Return what picks a cell's certificates at a noise; the published one if absent."""
    return lambda cell: cell.published if sigma is None else cell.test[sigma]


def shares(pick: Callable[[Cell], Certified]) -> dict[str, Values]:
    """Return accuracy and certified share as values per image."""
    return {"acc": lambda c: pick(c).right(c.y), "fair": lambda c: pick(c).fair}


def constant(y: NDArray[np.int64]) -> int:
    """Return the most frequent class: what the constant classifier says."""
    return int(np.bincount(y).argmax())


def measures(table: Table, prefix: str) -> dict[str, Entry]:
    """Return the measurements of a table.

    Parameters
    ----------
    table : Table
    prefix : str
        First word of their names: ``table1`` on photographs, ``faces`` on drawn ones.
    """
    found: dict[str, Entry] = {}
    for setting in table.settings:
        name = f"{prefix}.{setting}"
        for method in METHODS:
            if table.of(setting, method):
                found |= levels(table, setting, method, f"{name}.{method}")
        if table.of(setting, "naive") and table.of(setting, "dataaug"):
            pair = [table.draws(setting, m, shares(at())["fair"]) for m in ("dataaug", "naive")]
            found[f"{name}.dataaug.fair-vs-naive"] = difference(table.panel, *pair)
        if table.of(setting, "lassi"):
            for rival in BASELINES:
                if table.of(setting, rival):
                    found |= versus(table, setting, rival, f"{name}.lassi")
    return found


def levels(table: Table, setting: str, method: str, name: str) -> dict[str, Entry]:
    """Return what one place in the table holds."""
    panel, cells = table.panel, table.of(setting, method)
    draws = {k: table.draws(setting, method, v) for k, v in shares(at()).items()}
    draws["over-constant"] = table.draws(
        setting, method,
        lambda c: c.published.right(c.y).astype(float) - (c.y == constant(c.y_test)),
    )  # fmt: skip
    if cells[0].val:
        sigmas = {"equal": table.equal(setting), "best": table.best(setting, method)}
        for kind, sigma in sigmas.items():
            for share, values in shares(at(sigma)).items():
                draws[f"{kind}.{share}"] = table.draws(setting, method, values)
    if cells[0].exact is not None:
        draws |= exactly(table, setting, method)
    return {f"{name}.{key}": panel.measurement(value) for key, value in draws.items()}


def _exact(cell: Cell) -> Exact:
    assert cell.exact is not None
    return cell.exact


def _free(cell: Cell) -> Certified:
    found = _exact(cell).free
    assert found is not None
    return found


def exactly(table: Table, setting: str, method: str) -> dict[str, Floats]:
    """Return what holds without sampling: how much of a low share is the certificate's looseness.

    ``exact`` are those whose unsmoothed decision is constant, ``free`` those certified without
    sampling; ``looseness`` is exact minus certified, ``free-gain`` is free minus certified.
    """
    values: dict[str, Values] = {"exact": lambda c: _exact(c).fair}
    if _exact(table.of(setting, method)[0]).free is not None:
        values["free"] = lambda c: _free(c).fair
    certified = table.draws(setting, method, shares(at())["fair"])
    found = {k: table.draws(setting, method, v) for k, v in values.items()}
    gaps = {"looseness": found["exact"] - certified}
    gaps |= {"free-gain": found["free"] - certified} if "free" in found else {}
    return found | gaps


def versus(table: Table, setting: str, rival: str, name: str) -> dict[str, Entry]:
    """Return LASSI minus a baseline: at its published noise, at LASSI's, at its best.

    Differences are those of the seeds that both have, and the interval over people is that of
    their mean, on the same resamples of the same people.
    """
    first = table.of(setting, rival)[0]
    kinds: dict[str, float | None] = {"": None, "equal.": table.equal(setting)}
    kinds |= {"best.": table.best(setting, rival)} if first.val else {}
    found: dict[str, Entry] = {}
    for kind, sigma in kinds.items():
        if sigma is not None and sigma not in first.test:
            continue
        acc, fair = (
            difference(
                table.panel,
                table.draws(setting, "lassi", shares(at())[share]),
                table.draws(setting, rival, shares(at(sigma))[share]),
            )
            for share in ("acc", "fair")
        )
        found[f"{name}.{kind}fair-vs-{rival}"] = fair
        found[f"{name}.{kind}acc-kept-{rival}"] = shifted(acc, KEPT)
    return found | (_naively(table, setting, name) if rival == "naive" else {})


def _naively(table: Table, setting: str, name: str) -> dict[str, Entry]:
    """Return what is asked about LASSI against Naive alone, at the published noise.

    ``gap-loose`` is the difference in certified shares minus the difference in shares of unsmoothed
    decisions that are constant: the part of the gap that is no gap between the plain models.
    """
    values, both = shares(at()), ("lassi", "naive")
    acc, certified = ([table.draws(setting, m, values[k]) for m in both] for k in ("acc", "fair"))
    found = {f"{name}.acc-vs-naive": difference(table.panel, *acc)}
    found[f"{name}.fair-vs-naive.over-90"] = shifted(difference(table.panel, *certified), -MOST)
    if table.of(setting, "lassi")[0].exact is not None:
        exact = [table.draws(setting, m, lambda c: _exact(c).fair) for m in both]
        found[f"{name}.exact-vs-naive"] = difference(table.panel, *exact)
        loose = [c - e for c, e in zip(certified, exact, strict=True)]
        found[f"{name}.gap-loose-naive"] = difference(table.panel, *loose)
    return found


def minus(ours: Floats, theirs: Floats) -> Floats:
    """Return ours minus theirs, (seeds, 1 + resamples), of the seeds that both have.

    A value per pair holds the chance of both trainings; to subtract their mean would hide theirs.
    """
    both = min(len(ours), len(theirs))
    return ours[:both] - theirs[:both]


def difference(panel: Panel, ours: Floats, theirs: Floats) -> Entry:
    """Return ours minus theirs, (seeds, 1 + resamples), over people."""
    return panel.measurement(minus(ours, theirs))


def shifted(entry: Entry, by: float) -> Entry:
    """Return an entry with a constant added."""
    people = entry.people and (entry.people[0] + by, entry.people[1] + by)
    return replace(entry, values=[value + by for value in entry.values], people=people)


def numbers(values: Any, n: int, unit: str) -> Entry:
    """Return an entry without an interval over people."""
    known = [float(v) for v in values]
    return Entry(known, n, unit, "every image abstained" if np.isnan(known).any() else None)


def near(found: Mapping[str, Entry], published: Mapping[str, float]) -> dict[str, Entry]:
    """Return two one-sided tests per published share: it lies within :data:`NEAR` of ours.

    Parameters
    ----------
    found : mapping of str to Entry
        From :func:`measures`.
    published : mapping of str to float
        The poster's shares, by the names of ours, such as ``table1.pale.lassi.fair``.

    Returns
    -------
    dict
        ``<name>-near.low`` (ours minus the poster's plus the tolerance) and ``<name>-near.high``
        (the poster's minus ours plus the tolerance): near if both lie above 0.
    """
    tests = {}
    for name, value in published.items():
        if name in found:
            tolerance = NEAR[name.rsplit(".", 1)[1]]
            tests[f"{name}-near.low"] = shifted(found[name], tolerance - value)
            tests[f"{name}-near.high"] = shifted(negative(found[name]), tolerance + value)
    return tests


def negative(entry: Entry) -> Entry:
    """Return an entry with every sign changed."""
    people = entry.people and (-entry.people[1], -entry.people[0])
    return replace(entry, values=[-value for value in entry.values], people=people)
