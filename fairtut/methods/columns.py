"""Names of columns: the network takes features by place, so the places must stay the same."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import InputError
from fairtut.foreign import collected

__all__: list[str] = []  # for the methods' own use: no page of the reference

Names = NDArray[np.object_]


def column_names(name: str, x: Any) -> Names | None:
    """Return the names of a data frame's columns, as scikit-learn takes them, or None.

    Parameters
    ----------
    name : str
        What the rows are called in a message, such as ``"x"``.
    x : array, tensor or data frame
        Arrays have no names, nor has a frame whose columns are numbered.

    Raises
    ------
    fairtut.errors.InputError
        For text beside other names, and for a query of polars, which holds no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from fairtut.methods.columns import column_names
    >>> column_names("x", pd.DataFrame({"age": [20], "sex": [1]})).tolist()
    ['age', 'sex']
    >>> column_names("x", [[20, 1]]) is None
    True
    """
    collected(**{name: x})
    columns = getattr(x, "columns", None)
    if columns is None or callable(columns):
        return None
    names = list(columns)
    kinds = sorted({type(each).__name__ for each in names})
    if len(kinds) > 1 and "str" in kinds:
        raise InputError(
            f"{name} has column names of several kinds, {kinds}: make all of them text, as by "
            f"{name}.columns = {name}.columns.astype(str)"
        )
    return np.array(names, dtype=object) if kinds == ["str"] else None


def same_columns(owner: str, seen: Names | None, name: str, x: Any) -> None:
    """Raise unless rows have the columns that ``fit`` saw, in its order.

    Parameters
    ----------
    owner : str
        Who was fitted, for a warning.
    seen : array of str, or None
        What :func:`column_names` said of the rows of ``fit``.
    name : str
        What the new rows are called in a message.
    x : array, tensor or data frame

    Raises
    ------
    fairtut.errors.InputError
        For other names, or another order.

    Warns
    -----
    UserWarning
        If only one of both has names, in scikit-learn's words: nothing can be compared then.

    Examples
    --------
    >>> import pandas as pd
    >>> from fairtut.methods.columns import column_names, same_columns
    >>> frame = pd.DataFrame({"age": [20], "sex": [1]})
    >>> same_columns("DVGE", column_names("x", frame), "x", frame[["sex", "age"]])
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: x has other columns, or another order, than fit saw: column 0 is
    'sex' and not 'age'; pass x[list(fitted.feature_names_in_)]
    """
    now = column_names(name, x)
    if seen is None and now is not None:
        _warn(f"{name} has feature names, but {owner} was fitted without feature names")
    if seen is not None and now is None:
        _warn(
            f"{name} does not have valid feature names, but {owner} was fitted with feature names"
        )
    if seen is None or now is None or now.tolist() == seen.tolist():
        return
    pairs = enumerate(zip(now, seen, strict=False))
    first = next((f"column {i} is {a!r} and not {b!r}" for i, (a, b) in pairs if a != b), None)
    raise InputError(
        f"{name} has other columns, or another order, than fit saw: "
        f"{first or f'{len(now)} and not {len(seen)}'}; "
        f"pass {name}[list(fitted.feature_names_in_)]"
    )


def read_names(kept: Any) -> Names | None:
    """Return the names that a file holds, or None where it says that there were none.

    Raises
    ------
    TypeError
        For what is no list of text.

    Examples
    --------
    >>> from fairtut.methods.columns import read_names
    >>> read_names(["age", "sex"]).tolist(), read_names(None) is None
    (['age', 'sex'], True)
    """
    if kept is None:
        return None
    if not isinstance(kept, list) or not all(isinstance(each, str) for each in kept):
        raise TypeError(f"columns are {kept!r}, not a list of names")
    return np.array(kept, dtype=object)


def _warn(text: str) -> None:
    warnings.warn(text, UserWarning, stacklevel=4)
