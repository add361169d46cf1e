"""Tables of people by name: the data sets of the papers, and your own.

Encoding rules, the same for every loader: numbers stay as they are (scale them with a
:class:`~fairtut.data.table.Standardiser` that saw training rows only); a category with two levels
is one 0/1 column, with more levels one 0/1 column per level; levels come from all rows, statistics
never do.  The sensitive attribute is not among the inputs ``x``: a method that may use it appends
``s``.
South German Credit differs, because its models are of mixed-type rows: numbers first, then a flag
for every level of a category, and age and foreign worker among the inputs unless left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fairtut.data.adult import ADULT_COLUMNS, adult
from fairtut.data.compas import compas
from fairtut.data.frames import from_frame
from fairtut.data.south_german import south_german
from fairtut.data.synthetic.gaussians import zafar
from fairtut.data.table import Standardiser, Table, split, split_rows
from fairtut.errors import UnknownName

__all__ = [
    "ADULT_COLUMNS",
    "LOADERS",
    "Standardiser",
    "Table",
    "adult",
    "compas",
    "from_frame",
    "load",
    "south_german",
    "split",
    "split_rows",
]

LOADERS: dict[str, Callable[..., Table]] = {
    "zafar": zafar,
    "adult": adult,
    "compas": compas,
    "south_german_credit": south_german,
}
"""Name to loader; all but zafar's take the sensitive attribute first."""


def load(name: str, sensitive: str | None = None, **options: Any) -> Table:
    """Load a tabular data set by name.

    Parameters
    ----------
    name : str
        A key of :data:`LOADERS`.
    sensitive : str, optional
        Sensitive attribute; each data set has a default.
    **options
        Passed on, such as ``part="train"`` (adult) or ``n=3700, seed=0`` (zafar).

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such tabular data set or sensitive attribute.

    Examples
    --------
    >>> from fairtut.data.tabular import load
    >>> data = load("zafar", n=100, seed=0)
    >>> data.x.shape, len(data.y)
    ((100, 2), 100)
    """
    if name not in LOADERS:
        raise UnknownName.of("tabular data set", name, LOADERS)
    if name == "zafar":
        if sensitive not in (None, "z"):
            raise UnknownName.of("sensitive attribute of zafar", sensitive, ("z",))
        return LOADERS[name](**options)
    return LOADERS[name](**options) if sensitive is None else LOADERS[name](sensitive, **options)
