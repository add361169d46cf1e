"""What numpy would take for something else without a word: masked values, labels nobody saw."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import InputError

__all__: list[str] = []  # for the methods' own use: no page of the reference


def unmasked(**columns: Any) -> None:
    """Raise ``InputError`` for masked values: as a plain array they would count as present.

    Parameters
    ----------
    **columns : array-like
        By the names that a message should use.

    Raises
    ------
    fairtut.errors.InputError
        If a masked array, alone or in a list, masks a value.  A mask of nothing is fine.

    Examples
    --------
    >>> import numpy as np
    >>> from fairtut.methods.refusals import unmasked
    >>> unmasked(y=np.ma.array([0, 1], mask=[False, False]))
    >>> unmasked(y=np.ma.array([0, 1], mask=[False, True]))
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: y holds masked values: drop or impute those rows first
    """
    for name, values in columns.items():
        parts = values if isinstance(values, (list, tuple)) else (values,)
        if any(isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part) for part in parts):
            raise InputError(f"{name} holds masked values: drop or impute those rows first")


def check_known(name: str, values: NDArray[Any], known: NDArray[Any]) -> None:
    """Raise ``InputError`` for a label or a group that ``fit`` did not see.

    Text is never a number: ``"1"`` is not 1.

    Parameters
    ----------
    name : str
        What the values are called in a message, such as ``"y"``.
    values : ndarray
    known : ndarray, shape (k,)

    Raises
    ------
    fairtut.errors.InputError
        Naming the first strange value.

    Examples
    --------
    >>> import numpy as np
    >>> from fairtut.methods.refusals import check_known
    >>> check_known("y", np.array([0, -1]), np.array([0, 1]))
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: y holds -1, which fit did not see: it knows [0, 1]
    """
    kinds = {values.dtype.kind, known.dtype.kind}
    alike = len(kinds) == 1 or "O" in kinds  # numpy would turn numbers into text to compare them
    strange = ~np.isin(values, known) if alike else np.ones(values.shape, bool)
    if strange.any():
        first = values[strange].tolist()[0]
        raise InputError(
            f"{name} holds {first!r}, which fit did not see: it knows {known.tolist()}"
        )
