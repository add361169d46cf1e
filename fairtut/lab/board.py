"""Decisions of every method, setting and seed about the same people, and what they are worth.

A board has no training in it: a method is an array of decisions.  Fronts and settings are chosen
on validation people and measured on test people, with all resamples joint
(:class:`~fairtut.metrics.panels.Panel`), so differences of any two numbers are paired.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.errors import InputError
from fairtut.lab.choice import Answer, Choice, beats, fairest
from fairtut.lab.controls import Gap
from fairtut.lab.envelope import mixed_number
from fairtut.lab.plane import Floats, Plane, front_number, line_number
from fairtut.metrics import Chance, Estimate, over_seeds
from fairtut.metrics.entry import Entry
from fairtut.metrics.panels import Panel

Decisions = Mapping[str, NDArray[Any]]
"""Part, ``val`` or ``test``, to decisions 0 and 1, (settings, seeds, n)."""

People = Panel | Sequence[Panel]
"""The people of a part: the same for all seeds, or of each seed."""


class Compared(NamedTuple):
    """A method's number minus a control's, and whether it beats it.

    Attributes
    ----------
    difference : Estimate
    answer : {"yes", "no", "unclear", "not tested"}
    draws : float array, shape (seeds, 1 + R)
        The difference of every seed, with its resamples.

    Examples
    --------
    Ours has no gap and gains .2 over the constant; the model's mixing line is worth .3 / 2:

    >>> import numpy as np
    >>> from fairtut.lab.board import Scored
    >>> from fairtut.lab.plane import Plane
    >>> model = Plane(np.full((1, 3, 1), 0.9), np.full((1, 3, 1), 0.2))
    >>> ours = Plane(np.full((1, 3, 1), 0.8), np.zeros((1, 3, 1)))
    >>> named = {"model": model, "ours": ours}
    >>> planes = {(k, "dp", part): v for k, v in named.items() for part in ("val", "test")}
    >>> found = Scored(planes, [0.6] * 3, n=100).compared("ours", "dp", "model")["mixing"]
    >>> round(found.difference.value, 3), found.answer, found.draws.shape
    (0.05, 'yes', (3, 1))
    """

    difference: Estimate
    answer: Answer
    draws: Floats


class Board:
    """Methods in the planes of several gaps.

    Parameters
    ----------
    people : mapping of str to Panel, or to sequence of Panel
        ``val`` and ``test``; several panels where every seed has people of its own.
    decisions : mapping
        Method, or (method, gap) where a method is trained for the gap that it is judged by, to
        :data:`Decisions`.  Seeds are the same for all methods.
    gaps : mapping of str to callable
        Name to the gap of decisions about a panel's people.

    Raises
    ------
    fairtut.errors.InputError
        No method, or one with other seeds or people.

    Examples
    --------
    Two settings of one method, one seed, four people; no resamples:

    >>> import numpy as np
    >>> people = Panel([0, 1, 0, 1], [0, 0, 1, 1], n_resamples=0)
    >>> y_hat = np.array([[[0, 1, 1, 1]], [[0, 1, 0, 1]]])
    >>> both = {"val": people, "test": people}
    >>> board = Board(both, {"ours": dict.fromkeys(both, y_hat)}, {"dp": Panel.dp})
    >>> board.plane("ours", "dp", "test").gap[..., 0, 0].tolist()
    [0.5, 0.0]
    >>> board.choose("ours", "dp", floors=[0.5])
    [Choice(index=1, satisfied=True)]
    """

    def __init__(
        self,
        people: Mapping[str, People],
        decisions: Mapping[Any, Decisions],
        gaps: Mapping[str, Gap],
    ) -> None:
        self.people, self.decisions, self.gaps = people, decisions, gaps
        shapes = {d["test"].shape[1:] for d in decisions.values()}
        if len(shapes) != 1:
            raise InputError(f"decisions about {sorted(shapes)} seeds and people: need one shape")
        self.runs, self.n = next(iter(shapes))
        if any(not isinstance(o, Panel) and len(o) != self.runs for o in people.values()):
            raise InputError(f"{self.runs} seeds: pass one panel of people, or one for each seed")
        self._planes: dict[tuple[str, str, str], Plane] = {}

    @property
    def shared(self) -> bool:
        """Whether all seeds decide about the same test people."""
        return isinstance(self.people["test"], Panel)

    def panels(self, part: str) -> Sequence[Panel]:
        """Return the panel that all seeds share, or that of each seed."""
        people = self.people[part]
        return [people] if isinstance(people, Panel) else people

    def decided(self, method: str, gap: str, part: str) -> NDArray[Any]:
        """Return a method's decisions, (settings, seeds, n)."""
        own = (method, gap)
        return self.decisions[own if own in self.decisions else method][part]

    def plane(self, method: str, gap: str, part: str) -> Plane:
        """Return accuracy and gap of every setting, each (settings, seeds, 1 + R)."""
        key = (method, gap, part)
        if key not in self._planes:
            y_hat, people, measure = self.decided(*key), self.people[part], self.gaps[gap]
            if isinstance(people, Panel):
                self._planes[key] = Plane(people.accuracy(y_hat), measure(people, y_hat))
            else:
                each = list(zip(people, y_hat.swapaxes(0, 1), strict=True))
                self._planes[key] = Plane(
                    np.stack([panel.accuracy(d) for panel, d in each], 1),
                    np.stack([measure(panel, d) for panel, d in each], 1),
                )
        return self._planes[key]

    def constant(self, part: str = "test") -> Floats:
        """Return the accuracy of the constant classifier, (1 or seeds, 1 + R)."""
        return np.stack([panel.constant() for panel in self.panels(part)])

    def choose(
        self, method: str, gap: str, floors: Sequence[float], barred: ArrayLike | None = None
    ) -> list[Choice]:
        """Return the setting that validation picks for each seed.

        Parameters
        ----------
        method, gap : str
        floors : sequence of float
            Least validation accuracy of each seed (see :func:`fairtut.lab.choice.fairest`).
        barred : bool array, shape (settings, seeds), optional
        """
        accuracy, away = (v[..., 0].T for v in self.plane(method, gap, "val"))
        no = np.zeros(accuracy.shape, bool) if barred is None else np.asarray(barred).T
        rows = zip(accuracy, away, floors, no, strict=True)
        return [fairest(a, g, floor, barred=out) for a, g, floor, out in rows]

    def front(
        self, method: str, gap: str, worst: ArrayLike, among: ArrayLike | None = None,
        on: str = "val",
    ) -> Floats:  # fmt: skip
        """Return the number of a method's front on test people, (seeds, 1 + R).

        Parameters
        ----------
        method, gap : str
        worst : array, broadcast to (seeds,)
            Gap of the model as it is.
        among : int array, optional
            Which settings take part; default all.
        on : {"val", "test"}
            The people that the front is chosen on; ``test`` is what one should not do.
        """
        known, found = (self.plane(method, gap, part) for part in (on, "test"))
        return front_number(known, found, self.constant(), worst, among)

    def line(self, model: str, gap: str, worst: ArrayLike) -> Floats:
        """Return the number of the mixing line of the model as it is, (seeds, 1 + R)."""
        found = self.plane(model, gap, "test")
        return line_number(Plane(*(v[0] for v in found)), self.constant(), worst)

    def estimate(self, draws: ArrayLike) -> Estimate:
        """Return the mean over seeds of (seeds, 1 + R) with its interval.

        Over people and trainings where all seeds share their people, else over seeds.
        """
        values = [float(v) for v in np.asarray(draws)[:, 0]]
        if not self.shared:
            return over_seeds(values)
        people = self.panels("test")[0].interval(draws)
        known = [v for v in values if not np.isnan(v)]
        if not known or np.isnan([people.low, people.high]).any():
            return over_seeds(values)
        return Chance.of(known, (people.low, people.high)).estimate(self.n)

    def entry(self, draws: ArrayLike) -> Entry:
        """Return (seeds, 1 + R) as a record holds it: a value per seed, and what is between them.

        That is the interval over people where all seeds share them.  Otherwise the seeds are the
        draws, and resamples are left out.
        """
        if self.shared:
            return self.panels("test")[0].measurement(draws)
        values = [float(v) for v in np.asarray(draws)[:, 0]]
        note = "a cell of the table is too small" if np.isnan(values).any() else None
        return Entry(values, self.n, "fraction", note)

    def number(
        self, method: str, gap: str, worst: ArrayLike, among: ArrayLike | None = None
    ) -> Floats:
        """Return what a method is worth beside others, (seeds, 1 + R).

        The number of its front and all mixtures (:func:`fairtut.lab.envelope.mixed_number`): what
        the model as it is may do, every method and control may do.  Arguments as in :meth:`front`.
        """
        known, found = (self.plane(method, gap, part) for part in ("val", "test"))
        return mixed_number(known, found, self.constant(), worst, among)

    def compared(
        self, method: str, gap: str, model: str, controls: Iterable[str] | Mapping[str, str] = (),
        worst: ArrayLike | None = None, among: ArrayLike | None = None,
    ) -> dict[str, Compared]:  # fmt: skip
        """Say whether a method's number beats every control's.

        Parameters
        ----------
        method, gap : str
        model : str
            The model as it is: the first setting of this method.
        controls : iterable of str, or mapping of str to str
            Methods of the board, such as a moved threshold, thresholds per group, noise, or the
            names that they get in the answer, with the methods; always asked are ``constant`` and
            ``mixing``.
        worst : array, broadcast to (seeds,), optional
            Largest gap that counts; default that of the model as it is.
        among : int array, optional
            Which settings of the method take part; default all.

        Returns
        -------
        dict of str to Compared
        """
        if worst is None:
            worst = self.plane(model, gap, "test").gap[0, :, 0]
        named = controls if isinstance(controls, Mapping) else {name: name for name in controls}
        ours = self.number(method, gap, worst, among)
        line = self.number(model, gap, worst, among=[0])  # equal decisions are equal to the digit
        numbers = {"constant": np.zeros_like(ours), "mixing": line}
        numbers |= {name: self.number(own, gap, worst) for name, own in named.items()}
        found = {}
        for name, theirs in numbers.items():
            draws = ours - theirs
            difference = self.estimate(draws)
            found[name] = Compared(difference, beats(difference), draws)
        return found

    def points(self, method: str, gap: str, settings: Iterable[int]) -> list[dict[str, Any]]:
        """Return settings on test people as rows of a figure: means over seeds, with intervals.

        Parameters
        ----------
        method, gap : str
        settings : iterable of int

        Returns
        -------
        list of dict
            ``setting``, ``accuracy`` and ``gap``, and where the seeds share people each with
            ``_low`` and ``_high``.
        """
        plane, rows = self.plane(method, gap, "test"), []
        for i in settings:
            row: dict[str, Any] = {"setting": int(i)}
            for column, values in plane._asdict().items():
                row[column] = float(np.nanmean(values[i, :, 0]))
                if self.shared:
                    e = self.panels("test")[0].interval(values[i])
                    row |= {f"{column}_low": e.low, f"{column}_high": e.high}
            rows.append(row)
        return rows


class Scored(Board):
    """A board of scores, for methods whose decisions were not kept: seeds are the draws.

    Parameters
    ----------
    planes : mapping of (str, str, str) to Plane
        Method, gap and part to (settings, seeds, 1), without resamples.
    constant : array, shape (seeds,)
        Accuracy of the constant classifier on the test people of each seed.
    n : int
        Test people of a seed.

    Raises
    ------
    fairtut.errors.InputError
        By :meth:`constant`, for another part than ``test``.

    Examples
    --------
    Two seeds, one setting that is fair and .2 better than the constant:

    >>> import numpy as np
    >>> from fairtut.lab.board import Scored
    >>> from fairtut.lab.plane import Plane
    >>> plane = Plane(np.full((1, 2, 1), 0.8), np.zeros((1, 2, 1)))
    >>> board = Scored({("ours", "dp", part): plane for part in ("val", "test")}, [0.6, 0.5], n=100)
    >>> board.number("ours", "dp", worst=0.1).round(3).tolist()
    [[0.2], [0.3]]
    """

    def __init__(
        self, planes: Mapping[tuple[str, str, str], Plane], constant: ArrayLike, n: int
    ) -> None:
        self._planes, self._constant = dict(planes), np.asarray(constant, float)[:, None]
        self.runs, self.n = len(self._constant), n
        self.people = {"val": (), "test": ()}

    def constant(self, part: str = "test") -> Floats:
        """Return the accuracy of the constant classifier on test people, (seeds, 1)."""
        if part != "test":
            raise InputError(f"the constant is known for test people only, not for {part!r}")
        return self._constant
