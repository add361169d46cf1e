"""Labels of any kind (lists, numpy arrays, torch tensors, pandas and polars) become codes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import InputError
from fairtut.foreign import collected, plain
from fairtut.metrics.values import Array, FloatArray, Labels

_GAPS = frozenset({"nan", "NaN", "None", "<NA>", "NaT"})
"""What a missing value reads as once it was turned into text."""
_LONGEST = 1 << 63  # whole numbers from here on have no place among labels
_EXACT = 1 << 53  # beyond it floats skip whole numbers
_SMALL_RANGE = 1 << 16  # integer labels within this range are counted, wider ones are sorted


def as_labels(name: str, values: object) -> Array:
    """Numpy array of labels: torch tensors are fetched, integral floats become integers.

    Parameters
    ----------
    name : str
        What the labels are, for messages: ``"y"``, ``"y_hat"`` or ``"s"``.
    values : array-like
        Of any shape.

    Raises
    ------
    fairtut.errors.InputError
        Missing values, or numbers that are no labels.
    """
    torch = sys.modules.get("torch")  # never imported here: the metrics need no torch
    collected(**{name: values})
    values = plain(values)
    if torch is not None and isinstance(values, torch.Tensor):
        values = from_tensor(values)
    elif isinstance(values, (list, tuple)):
        values = _from_list(values)
    array = np.asarray(values)
    if array.dtype.kind == "f":
        return _integral(name, array)
    if array.dtype.kind in "iub":
        return _whole(name, array)
    if array.dtype.kind in "OSUTM":
        return _objects(name, array)
    raise InputError(f"{name} has type {array.dtype}: pass integers, strings or other labels")


def same_rows(**columns: object) -> None:
    """Raise unless all pandas columns name the same people in the same order.

    Arrays, lists and columns of polars have no names: they are taken as they stand.  Nothing is
    aligned in silence, for a column that was sorted and one whose index was reset look alike.

    Parameters
    ----------
    **columns : array-like
        By the names that a message should use.

    Raises
    ------
    fairtut.errors.InputError
        Two indexes differ, or a column is a query of polars, which holds no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> same_rows(y=pd.Series([0, 1], ["a", "b"]), s=[1, 1], y_hat=pd.Series([1, 0], ["b", "a"]))
    Traceback (most recent call last):
    fairtut.errors.InputError: y and y_hat have different indexes (first in row 0: 'a' and 'b'): \
align them, as in y_hat.loc[y.index], or pass .to_numpy() where rows already belong together
    """
    collected(**columns)
    named = [(k, v.index) for k, v in columns.items() if hasattr(v, "iloc") and hasattr(v, "index")]
    for other, index in named[1:]:
        first, own = named[0]
        if not own.equals(index):
            raise InputError(
                f"{first} and {other} have different indexes ({_first_difference(own, index)}): "
                f"align them, as in {other}.loc[{first}.index], or pass .to_numpy() where rows "
                "already belong together"
            )


def named_rows(**columns: object) -> dict[str, object]:
    """Return the first pandas column by its name, whose index names everybody's rows, or nothing.

    What is passed later is then compared with it, by :func:`same_rows`.

    Parameters
    ----------
    **columns : array-like
        By the names that a message should use.

    Examples
    --------
    >>> import pandas as pd
    >>> list(named_rows(y=[0, 1], s=pd.Series([1, 0])))
    ['s']
    """
    named = {k: v for k, v in columns.items() if hasattr(v, "iloc") and hasattr(v, "index")}
    return dict(list(named.items())[:1])


def _first_difference(one: Iterable[Any], other: Iterable[Any]) -> str:
    for row, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return f"first in row {row}: {a!r} and {b!r}"
    return "other lengths or types"


def from_tensor(tensor: Any) -> Array:
    """Numpy array of a torch tensor on any device; floats (also bfloat16) in double precision."""
    tensor = tensor.detach().cpu()
    return np.asarray((tensor.double() if tensor.is_floating_point() else tensor).numpy())


def _from_list(values: Sequence[Any]) -> Array:
    """Array of a list's items; mixed or composite labels stay Python objects."""
    values = [None if v is np.ma.masked else v for v in values]
    items = [v.item() if getattr(v, "ndim", None) == 0 else v for v in values]
    numbers = (bool, int, float, np.bool_, np.integer, np.floating)
    if (all(isinstance(v, numbers) for v in items) and not _too_long(items)) or all(
        isinstance(v, str) for v in items
    ):
        return np.asarray(items)
    if any(isinstance(v, list) or getattr(v, "ndim", 0) > 0 for v in items):
        return np.stack([np.asarray(v) for v in items])
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _integral(name: str, array: Array) -> Array:
    """Whole-number floats as integers; anything else is a score or a gap in the data."""
    if np.isnan(array).any():
        raise InputError(f"{name} holds NaN: drop or impute those rows first")
    fractional = array[(array != np.floor(array)) | np.isinf(array)]
    if fractional.size:
        fix = {
            "y_hat": "a score: threshold it first, for example (p_hat > 0.5).astype(int)",
            "y": "not a class: bin it first",
        }.get(name, "not a group: bin it first")
        raise InputError(f"{name} holds {fractional.flat[0]:g}, {fix}")
    return _whole(name, array)


def _whole(name: str, array: Array) -> Array:
    """Whole numbers with 64 bits; one that has no place there would get another name."""
    if array.size and array.dtype.kind != "b":
        ends = array.min(), array.max()
        if not -_LONGEST <= ends[0] <= ends[1] < _LONGEST:
            odd = max(ends, key=abs)
            raise InputError(f"{name} holds {odd}, of more than 63 bits: pass such ids as text")
    return array.astype(np.int64)


def _objects(name: str, array: Array) -> Array:
    """Check labels of any type for missing values; numbers in disguise become integers."""
    items = array.reshape(-1).tolist()
    if any(_missing(v) for v in items):
        raise InputError(f"{name} holds a missing value: drop or impute those rows first")
    text = next((v for v in map(_decoded, items) if isinstance(v, str) and v in _GAPS), None)
    if text is not None:
        raise InputError(
            f"{name} holds the text {text!r}, which a missing value becomes: drop or impute those "
            "rows first, or rename the label if it is one"
        )
    if items and all(isinstance(v, (bool, int, float)) for v in items):
        if _too_long(items):
            raise InputError(
                f"{name} holds whole numbers of more than 53 bits beside fractions: "
                "pass such ids as text"
            )
        numbers = np.asarray(items).reshape(array.shape)
        return _integral(name, numbers) if numbers.dtype.kind == "f" else _whole(name, numbers)
    return array


def _too_long(items: Sequence[Any]) -> bool:
    """Whether numbers would merge as floats: long whole ones beside a float."""
    if not any(isinstance(v, (float, np.floating)) for v in items):
        return False
    whole = (int, np.integer)
    return any(isinstance(v, whole) and abs(int(v)) > _EXACT for v in items)


def _decoded(value: object) -> object:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _missing(value: object) -> bool:
    if value is None or value is np.ma.masked or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    if isinstance(value, (float, np.floating)):
        return bool(value != value)
    return isinstance(value, Decimal) and value.is_nan()


def label_column(name: str, values: object, n: int) -> Array:
    """One label per person; an (n, 1) column is flattened."""
    array = as_labels(name, values)
    if array.ndim == 2 and array.shape == (n, 1):
        array = array[:, 0]
    if array.ndim != 1:
        raise InputError(f"{name} has shape {array.shape}: pass one entry per person")
    if len(array) != n:
        raise InputError(
            f"{name} has {len(array)} rows but y_hat has {n}: pass one per person in each"
        )
    return array


def score_column(name: str, values: object, n: int) -> FloatArray:
    """One finite or infinite score per person; an (n, 1) column is flattened."""
    if hasattr(values, "detach"):
        values = from_tensor(values)
    collected(**{name: values})
    given = plain(values)
    if getattr(getattr(given, "dtype", None), "kind", None) in ("m", "M"):
        raise InputError(f"{name} holds dates or times: pass one number per person")
    try:
        scores = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{name} holds no numbers: pass one number per person") from None
    scores = scores[:, 0] if scores.ndim == 2 and scores.shape[1] == 1 else scores
    if scores.shape != (n,):
        raise InputError(
            f"{name} has shape {scores.shape} but y has {n} rows: pass one number per person"
        )
    if np.isnan(scores).any():
        raise InputError(f"{name} holds NaN: drop or impute those rows first")
    return scores


def encode(name: str, flat: Array) -> tuple[NDArray[np.int64], Labels]:
    """Codes 0..K-1 and the sorted labels that occur."""
    if flat.dtype.kind == "i":
        low = int(flat.min())
        if int(flat.max()) - low < _SMALL_RANGE:
            seen = np.bincount(flat - low) > 0
            codes = (np.cumsum(seen) - 1)[flat - low]
            return codes, tuple((np.flatnonzero(seen) + low).tolist())
        labels, codes = np.unique(flat, return_inverse=True)
        return codes.reshape(-1), tuple(labels.tolist())
    items = flat.tolist()
    try:
        order = ordered(set(items))
    except TypeError:
        raise InputError(
            f"{name} holds unhashable labels: use strings, numbers or tuples"
        ) from None
    place = {label: i for i, label in enumerate(order)}
    return np.fromiter((place[v] for v in items), np.int64, len(items)), tuple(order)


def ordered(labels: Iterable[Any]) -> list[Any]:
    """Labels in their own order, or by type and text where they have none."""
    labels = list(labels)
    try:
        return sorted(labels)
    except TypeError:  # mixed types have no order of their own
        return sorted(labels, key=lambda v: (type(v).__name__, repr(v)))


def relabel(
    name: str, codes: NDArray[np.int64], seen: Labels, names: Labels, what: str
) -> NDArray[np.int64]:
    """Codes into ``seen`` become codes into ``names``."""
    place = {label: i for i, label in enumerate(names)}
    strange = [label for label in seen if label not in place]
    if strange:
        shown = ", ".join(map(repr, names))
        raise InputError(
            f"{name} holds {strange[0]!r}, which is none of {shown}: declare {what}=(...)"
        )
    moved: NDArray[np.int64] = np.asarray([place[label] for label in seen], dtype=np.int64)[codes]
    return moved
