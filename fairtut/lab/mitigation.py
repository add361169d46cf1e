"""Any way to make decisions fairer, under one protocol, run by one rule.

A :class:`Mitigation` is an object with a name, with what it acts on, and with the settings that are
tried of it.  :func:`tried` fits it once for every setting on the training people of a
:class:`Ground` and asks it about everybody else; :func:`decisions` puts what several seeds gave on
the board (:mod:`fairtut.lab.board`), where a setting is chosen on validation people by the one rule
and the controls are asked.  Nothing here knows which method it is, so a reader's own stands beside
those of papers on equal terms: same rows, equally many settings, same selection.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import InputError
from fairtut.foreign import collected
from fairtut.lab.board import Decisions
from fairtut.metrics.labels import as_labels, same_rows
from fairtut.runtime import code
from fairtut.runtime.stopwatch import Stopwatch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CUT: Final = 0.5
"""Whoever has a higher probability is decided for."""
FITTED: Final = "train"
ASKED: Final = ("val", "test")


@runtime_checkable
class Mitigation(Protocol):
    """What a method must say and do.

    Attributes
    ----------
    name : str
        As figures and tables call it.
    acts_on : str
        Which of the ground's inputs it is given, such as ``pictures``, ``codes``, ``scores`` or
        ``table``.
    settings : sequence
        Values that are tried, the mildest first.  Before each fit the runner copies the object and
        writes the value to ``setting`` and the number of the training to ``seed``.

    Notes
    -----
    Beside ``fit`` it has ``predict_proba(x)``, the probability of the positive label, (n,) or
    (n, 2), or ``transform(x)``, the same kind of input, changed: the ground's own model then
    decides.  What it may have besides: ``asks_group = True`` (it must know everybody's group to
    decide, and gets it as ``s``), ``codes(x)`` (what its last layer reads, for fresh probes), and
    ``certified(x)`` (whose decision is proved).  A fit that has a parameter ``ground`` gets the
    ground: its model, its clean rows, other inputs of the same people.

    Examples
    --------
    A method of your own derives from nothing:

    >>> from fairtut.lab.mitigation import Mitigation, check
    >>> class Shift:
    ...     name, acts_on, settings = "shift", "scores", (0.0, 0.3)
    ...     def fit(self, x, y, *, s): return self
    ...     def predict_proba(self, x): return x + self.setting
    >>> isinstance(Shift(), Mitigation), isinstance("shift", Mitigation)
    (True, False)
    >>> check(Shift())  # nothing is missing
    """

    @property
    def name(self) -> str:
        """How it is called."""
        ...

    @property
    def acts_on(self) -> str:
        """The kind of input that it is given."""
        ...

    @property
    def settings(self) -> Sequence[Any]:
        """What is tried of it."""
        ...

    @property
    def fit(self) -> Callable[..., Any]:
        """``fit(x, y, *, s)`` learns from training people's inputs, recorded labels and groups."""
        ...


@dataclass(frozen=True)
class Ground:
    """The people that all methods share, and the model that is there already.

    Attributes
    ----------
    x : mapping of str to mapping of str to array
        Kind of input, then part (``train``, ``val``, ``test``, and further people that are only
        asked about, such as twins), to inputs (n, ...).
    y, s : mapping of str to int array, shape (n,), in {0, 1}
        Recorded labels and groups by part; of further people the group alone.
    decide : mapping of str to callable
        Kind of input to the model's probability of the positive label, for what ``transform``
        gives back.
    model : object
        The model itself, for methods that look inside.
    clean : (int array, int array)
        Training rows whose label is known to be right, and these labels.
    seed : int
        Number of the training.

    Raises
    ------
    fairtut.errors.InputError
        If a part is missing, rows, labels and groups differ in number or index, or a label or a
        group is not 0 or 1.
    """

    x: Mapping[str, Mapping[str, Any]]
    y: Mapping[str, Ints]
    s: Mapping[str, Ints]
    decide: Mapping[str, Any] = field(default_factory=dict)
    model: Any = None
    clean: tuple[Ints, Ints] = field(default_factory=lambda: (np.zeros(0, int), np.zeros(0, int)))
    seed: int = 0

    def __post_init__(self) -> None:
        for kind, parts in self.x.items():
            for part, rows in parts.items():
                same_rows(**{f"{kind} of {part}": rows, "y": self.y.get(part),
                             "s": self.s.get(part)})  # fmt: skip
                first = parts.get(FITTED)
                if (
                    first is not None
                    and hasattr(first, "columns")
                    and list(getattr(rows, "columns", ())) != list(first.columns)
                ):
                    raise InputError(
                        f"{kind} of {part} has other columns, or another order, than {kind} of "
                        f"{FITTED}: pass the same"
                    )
        for name in ("y", "s"):
            columns = {part: _zeros_and_ones(f"{name} of {part}", v)
                       for part, v in getattr(self, name).items()}  # fmt: skip
            object.__setattr__(self, name, columns)
        for kind, parts in self.x.items():
            for part, rows in parts.items():
                collected(**{f"{kind} of {part}": rows})
                known = (
                    {"s": self.s} if part not in (FITTED, *ASKED) else {"y": self.y, "s": self.s}
                )
                for name, labels in known.items():
                    if part not in labels or len(labels[part]) != len(rows):
                        have = len(labels[part]) if part in labels else "no"
                        raise InputError(
                            f"{kind} of {part}: {len(rows)} rows and {have} values of {name}: "
                            "pass one for each"
                        )


def _zeros_and_ones(name: str, values: Any) -> Ints:
    column = as_labels(name, values)
    if column.ndim != 1 or not np.isin(column, (0, 1)).all():
        raise InputError(f"{name} must be one column of 0 and 1: code it so first")
    return column.astype(np.int64)


@dataclass(frozen=True)
class Tried:
    """What one method said in one training, at every setting.

    Attributes
    ----------
    p : mapping of str to float array, shape (settings, n)
        Part to probabilities of the positive label.
    read : mapping of str to bool array, shape (settings, n)
        ``test``: whether a fresh probe of what the last layer reads (or of the score) tells the
        group of a test person right.
    certified : mapping of str to bool array, shape (settings, n)
        ``test``: whose decision is proved; empty where a method proves nothing.
    fit_seconds, decide_seconds : float
        Of one setting, on average: training, and deciding about one person.

    Examples
    --------
    Two settings; nobody is decided for at .5 itself:

    >>> import numpy as np
    >>> from fairtut.lab.mitigation import Tried, decisions
    >>> p = np.array([[0.2, 0.5, 0.9], [0.2, 0.6, 0.9]])
    >>> run = Tried({"val": p, "test": p}, {}, {}, fit_seconds=1.5, decide_seconds=0.001)
    >>> decisions([run])["test"].astype(int).tolist()
    [[[0, 0, 1]], [[0, 1, 1]]]
    """

    p: Mapping[str, Floats]
    read: Mapping[str, NDArray[np.bool_]]
    certified: Mapping[str, NDArray[np.bool_]]
    fit_seconds: float
    decide_seconds: float


def about(method: Mitigation) -> dict[str, Any]:
    """Return what a key must hold of a method: its name, its settings, its code.

    Raises
    ------
    fairtut.errors.InputError
        If something that the method needs is missing, in one sentence.

    Examples
    --------
    >>> class Shift:
    ...     name, acts_on, settings = "shift", "scores", (0.0, 0.3)
    ...     def fit(self, x, y, *, s): return self
    ...     def predict_proba(self, x): return x
    >>> sorted(about(Shift()))
    ['acts_on', 'class', 'code', 'name', 'own', 'settings']
    """
    check(method)
    kind = type(method)
    own = {k: v for k, v in vars(method).items() if not k.startswith("_")}
    if dataclasses.is_dataclass(method):  # what is set while it runs is no field of the start
        own = {f.name: own[f.name] for f in dataclasses.fields(method) if f.init}
    return {
        "name": method.name, "acts_on": method.acts_on, "settings": list(method.settings),
        "class": kind.__qualname__, "code": code.digest(kind), "own": own,
    }  # fmt: skip


def check(method: Any) -> None:
    """Say in one sentence what an object lacks to be a :class:`Mitigation`.

    Raises
    ------
    fairtut.errors.InputError
        If it lacks something.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> check(SimpleNamespace(name="mine", acts_on="scores", settings=[1]))
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: the method 'mine' has no fit: give it one (Mitigation says)
    """
    if inspect.isclass(method):
        raise InputError(f"{method.__name__} is a class: pass an object, {method.__name__}()")
    called = getattr(method, "name", type(method).__name__)
    for name in ("name", "acts_on", "settings", "fit"):
        if not hasattr(method, name):
            raise InputError(f"the method {called!r} has no {name}: give it one (Mitigation says)")
    if not (hasattr(method, "predict_proba") or hasattr(method, "transform")):
        raise InputError(f"the method {called!r} neither decides nor changes its input: write "
                         "predict_proba(x) or transform(x)")  # fmt: skip
    if isinstance(method.settings, str) or not len(method.settings):
        raise InputError(f"the method {called!r} has no settings: list at least one")


def equal(methods: Sequence[Mitigation]) -> int:
    """Return how many settings all methods have.

    Raises
    ------
    fairtut.errors.InputError
        If one may try more often than another.

    Examples
    --------
    >>> from types import SimpleNamespace as M
    >>> equal([M(name="a", settings=[1, 2]), M(name="b", settings=[0, 3])])
    2
    """
    counts = {m.name: len(m.settings) for m in methods}
    if len(set(counts.values())) != 1:
        told = ", ".join(f"{name} {n}" for name, n in counts.items())
        raise InputError(f"methods may not try more often than others: settings of {told}")
    return next(iter(counts.values()))


def tried(method: Mitigation, ground: Ground) -> Tried:
    """Fit a method once for each of its settings, and ask it about everybody.

    Parameters
    ----------
    method : Mitigation
        Is copied; the object itself stays as it is.
    ground : Ground

    Returns
    -------
    Tried

    Raises
    ------
    fairtut.errors.InputError
        If the method is none, the ground lacks its kind of input, or it answers with something
        that is no probability for each person.

    Examples
    --------
    A method that moves every score by its setting:

    >>> import numpy as np
    >>> class Shift:
    ...     name, acts_on, settings = "shift", "scores", (0.0, 0.3)
    ...     def fit(self, x, y, *, s): return self
    ...     def predict_proba(self, x): return np.clip(x + self.setting, 0, 1)
    >>> x, y, s = np.array([0.1, 0.4, 0.6, 0.9]), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    >>> parts = ("train", "val", "test")
    >>> people = {name: dict.fromkeys(parts, v) for name, v in (("x", x), ("y", y), ("s", s))}
    >>> found = tried(Shift(), Ground({"scores": people["x"]}, people["y"], people["s"]))
    >>> (found.p["test"] > CUT).astype(int).tolist()
    [[0, 0, 1, 1], [0, 1, 1, 1]]
    """
    check(method)
    if method.acts_on not in ground.x:
        raise InputError(
            f"the method {method.name!r} acts on {method.acts_on!r}: here are {sorted(ground.x)}"
        )
    each = [_one(method, setting, ground) for setting in method.settings]
    p, read, certified, fit, decide = zip(*each, strict=True)
    return Tried(
        {part: np.stack([one[part] for one in p]) for part in p[0]},
        {"test": np.stack(read)},
        {"test": np.stack(certified)} if certified[0] is not None else {},
        float(np.mean(fit)),
        float(np.mean(decide)),
    )


def _one(method: Mitigation, setting: Any, ground: Ground) -> tuple[Any, ...]:
    one: Any = copy.deepcopy(method)  # what it made in __init__ is trained anew at each setting
    try:
        one.setting, one.seed = setting, ground.seed
    except AttributeError:
        raise InputError(
            f"the method {method.name!r} is frozen: its setting and seed are written to it"
        ) from None
    x = {part: _own(rows) for part, rows in ground.x[one.acts_on].items()}
    more = {"ground": ground} if "ground" in inspect.signature(one.fit).parameters else {}
    watch = Stopwatch("cpu")
    one.fit(x[FITTED], ground.y[FITTED].copy(), s=ground.s[FITTED].copy(), **more)
    fit = watch.lap()
    p = {part: _asked(one, part, ground) for part in x if part != FITTED}
    decide = watch.lap() / max(sum(map(len, p.values())), 1)
    certified = _certified(one, x["test"]) if hasattr(one, "certified") else None
    return p, _readable(one, p, ground), certified, fit, decide


def _own(rows: Any) -> Any:
    """Rows that a method may change in place without changing them for the others."""
    for copied in ("clone", "copy"):  # of tensors; of arrays and frames
        if hasattr(rows, copied):
            return getattr(rows, copied)()
    return copy.copy(rows)


def _in_order(one: Any, values: Any, x: Any) -> Any:
    """Answers as they are, if they name the rows of x in its order or name none."""
    if hasattr(values, "iloc"):
        names = list(x.index) if hasattr(x, "iloc") else list(range(len(x)))
        if list(values.index) != names:
            raise InputError(
                f"the method {one.name!r} answers for other rows, or in another order, than it "
                "was asked about: keep the order of x"
            )
    return values


def _certified(one: Any, x: Any) -> NDArray[np.bool_]:
    found = np.asarray(_in_order(one, one.certified(x), x))
    whole = found.dtype.kind in "biuf" and np.isin(found, (0, 1)).all()
    if found.shape != (len(x),) or not whole:
        raise InputError(
            f"the method {one.name!r} certifies with {found.dtype} of shape {found.shape}: one "
            f"true or false for each of {len(x)} people"
        )
    return found.astype(bool)


def _asked(one: Any, part: str, ground: Ground) -> Floats:
    x = _own(ground.x[one.acts_on][part])
    more = {"s": ground.s[part].copy()} if getattr(one, "asks_group", False) else {}
    if hasattr(one, "predict_proba"):
        found = np.asarray(_in_order(one, one.predict_proba(x, **more), x), float)
    elif one.acts_on in ground.decide:
        found = np.asarray(ground.decide[one.acts_on](one.transform(x, **more)), float)
    else:
        raise InputError(
            f"the method {one.name!r} changes {one.acts_on} and nobody decides about them here: "
            "write predict_proba(x)"
        )
    found = found[:, 1] if found.ndim == 2 and found.shape[1] == 2 else found
    if found.shape != (len(x),) or not np.isfinite(found).all():
        raise InputError(f"the method {one.name!r} answers {found.shape} for {len(x)} people of "
                         f"{part}: one finite probability for each")  # fmt: skip
    if found.min() < 0 or found.max() > 1:
        raise InputError(f"the method {one.name!r} answers from {found.min():.3g} to "
                         f"{found.max():.3g}: probabilities lie in [0, 1]")  # fmt: skip
    return found


def _readable(one: Any, p: Mapping[str, Floats], ground: Ground) -> NDArray[np.bool_]:
    """Return whether a fresh linear probe, trained on validation people, tells s of test people."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    z = {part: p[part][:, None] for part in ASKED}
    if hasattr(one, "codes"):
        z = {part: np.asarray(one.codes(ground.x[one.acts_on][part]), float) for part in ASKED}
    if len(np.unique(ground.s["val"])) < 2:
        return np.full(len(ground.s["test"]), ground.s["val"][0]) == ground.s["test"]
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    return np.asarray(probe.fit(z["val"], ground.s["val"]).predict(z["test"]) == ground.s["test"])


def decisions(runs: Sequence[Tried]) -> Decisions:
    """Return what the seeds of a method decided, as the board wants it: (settings, seeds, n).

    Examples
    --------
    >>> p = np.array([[0.2, 0.9]])
    >>> run = Tried({"val": p, "test": p}, {}, {}, 0.0, 0.0)
    >>> decisions([run, run])["test"].astype(int).tolist()
    [[[0, 1], [0, 1]]]
    """
    return {part: np.stack([run.p[part] > CUT for run in runs], 1) for part in ASKED}
