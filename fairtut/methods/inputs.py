"""What a method is given, checked once and with one sentence about what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from fairtut.errors import InputError
from fairtut.foreign import numbers, plain
from fairtut.methods.refusals import unmasked
from fairtut.metrics.labels import from_tensor, same_rows
from fairtut.runtime.seeds import stream_seed

Array = NDArray[np.floating]
Triple = tuple[ArrayLike, ArrayLike, ArrayLike]
"""``(x, s, y)``: features (n, k), sensitive attribute (n,) and label (n,)."""


def check_rows(
    name: str,
    x: ArrayLike,
    s: ArrayLike,
    y: ArrayLike,
    *,
    both: bool = True,
    dtype: type[np.floating] = np.float64,
) -> tuple[Array, Array, Array]:
    """Return ``(x, s, y)`` as floating-point arrays.

    Parameters
    ----------
    name : str
        What the rows are called in a message, such as ``"training"``.
    x : array-like, shape (n, k)
    s, y : array-like, shape (n,), in {0, 1}
    both : bool
        Whether both groups and both classes must occur.
    dtype : type
        Type of the arrays.

    Returns
    -------
    x : ndarray, shape (n, k)
    s, y : ndarray, shape (n,)

    Raises
    ------
    fairtut.errors.InputError
        For wrong shapes, no rows, text, NaN, infinity or masked values, values other than 0 and 1,
        one group or one class, and for pandas columns whose indexes differ.

    Examples
    --------
    >>> from fairtut.methods.inputs import check_rows
    >>> x, s, y = check_rows("training", [[20, 1], [30, 0]], s=[0, 1], y=[1, 0])
    >>> x.dtype, x.shape, y.tolist()
    (dtype('float64'), (2, 2), [1.0, 0.0])
    >>> check_rows("training", [[20, 1], [30, 0]], s=[1, 1], y=[1, 0])
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: training s is all 1: both values are needed
    """
    same_rows(**{f"{name} x": x, f"{name} s": s, f"{name} y": y})
    unmasked(**{f"{name} x": x, f"{name} s": s, f"{name} y": y})
    try:
        with np.errstate(over="ignore"):  # what overflows becomes infinite and is reported below
            features, group, label = (
                np.asarray(a).astype(dtype) for a in (numbers(f"{name} x", x), plain(s), plain(y))
            )
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} x, s and y must hold numbers: encode text first") from error
    n = len(features) if features.ndim == 2 else -1
    if not group.shape == label.shape == (n,):
        raise InputError(
            f"{name} x, s and y have shapes {features.shape}, {group.shape}, {label.shape}: "
            "need (n, k), (n,), (n,)"
        )
    if n == 0:
        raise InputError(f"there are no {name} rows: at least one is needed")
    finite = np.isfinite(features).all(1)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise InputError(f"{name} x holds NaN or infinity (first in row {row}): drop or impute it")
    for what, values in (("s", group), ("y", label)):
        found = np.unique(values).tolist()
        if not set(found) <= {0.0, 1.0}:
            raise InputError(f"{name} {what} must hold 0 and 1 only, found {found[:5]}")
        if both and len(found) < 2:
            raise InputError(f"{name} {what} is all {found[0]:g}: both values are needed")
    return features, group, label


def check_weights(weight: ArrayLike, n: int) -> NDArray[np.float64]:
    """Return row weights as an array, (n,), or raise ``InputError``.

    Parameters
    ----------
    weight : array-like, shape (n,)
    n : int
        How many rows there are.

    Returns
    -------
    float64 ndarray, shape (n,)
        Not scaled.

    Raises
    ------
    fairtut.errors.InputError
        For another shape, NaN, infinity, a negative or masked weight, or weights that are all
        zero.

    Examples
    --------
    >>> from fairtut.methods.inputs import check_weights
    >>> check_weights([0, 1, 3], 3).tolist()
    [0.0, 1.0, 3.0]
    >>> check_weights([0, 1, -3], 3)
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: row weights must be 3 finite, non-negative numbers
    """
    unmasked(**{"row weights": weight})
    try:
        given = from_tensor(weight) if isinstance(weight, Tensor) else np.asarray(plain(weight))
        # dates would pass for numbers, and a complex one would lose a part
        values = np.zeros(0) if given.dtype.kind in "mMc" else given.astype(float)
    except (TypeError, ValueError, RuntimeError):  # the last from tensors in a list
        values = np.zeros(0)  # refused below
    if values.shape != (n,) or not np.isfinite(values).all() or (values < 0).any():
        raise InputError(f"row weights must be {n} finite, non-negative numbers")
    if not values.any():
        raise InputError("row weights are all zero: at least one row must count")
    return values


def weighted_rows(weight: ArrayLike | None, n: int, seed: int) -> NDArray[np.int64]:
    r"""Return n rows drawn in proportion to weights, in their order: what ``fit`` trains on.

    Systematic resampling: the shares of the rows are laid side by side, and each row gets those of
    the points :math:`(i + u) / n`, with one :math:`u` for all, that fall on its own.  So a row of
    share :math:`p` stands :math:`\lfloor n p \rfloor` or :math:`\lceil n p \rceil` times among
    the n, and :math:`n p` times on average.  Rows of equal weight lie side by side in random order:
    together they get what they should to within one row, and no order of the file, such as twins
    that take turns, can lock onto the points.  Every loss of a method keeps the form that its paper
    gives it, and equal weights give each row once, as none do.

    Parameters
    ----------
    weight : array-like, shape (n,), or None
        None gives each row once.
    n : int
        How many rows there are.
    seed : int

    Returns
    -------
    int64 ndarray, shape (n,)
        Ascending; a row of weight 0 is not among them.

    Raises
    ------
    fairtut.errors.InputError
        For weights that :func:`check_weights` refuses.

    References
    ----------
    Carpenter, Clifford and Fearnhead (1999), "Improved particle filter for nonlinear problems",
    IEE Proceedings, Radar, Sonar and Navigation 146.

    Examples
    --------
    >>> from fairtut.methods.inputs import weighted_rows
    >>> weighted_rows([1, 0, 2, 1], 4, seed=0).tolist()
    [0, 2, 2, 3]
    >>> weighted_rows([5, 5, 5], 3, seed=0).tolist()
    [0, 1, 2]
    """
    if weight is None:
        return np.arange(n)
    share = check_weights(weight, n)
    share = share / share.max()  # no sum of them overflows
    rng = np.random.default_rng(stream_seed(seed, "weights"))
    order = rng.permutation(n)
    order = order[np.argsort(share[order], kind="stable")]  # the lightest first
    upto = np.cumsum(share[order])
    points = (np.arange(n) + rng.uniform()) / n * upto[-1]
    # the first row whose share goes past the point, which none of weight 0 does
    place = np.minimum(np.searchsorted(upto, points, side="right"), n - 1)
    return np.sort(order[place])


def whole(name: str, values: Any) -> Tensor:
    """Return labels as int64 on their device, (n,), or raise ``InputError``.

    Parameters
    ----------
    name : str
        What the labels are called in a message, such as ``"y"``.
    values : array-like, shape (n,)
        Whole numbers of any type.

    Returns
    -------
    int64 tensor, shape (n,)

    Raises
    ------
    fairtut.errors.InputError
        For text, another shape, no rows, masked values, or numbers with a fraction.

    Examples
    --------
    >>> from fairtut.methods.inputs import whole
    >>> whole("y", [0.0, 1.0, 2.0])
    tensor([0, 1, 2])
    >>> whole("y", [0.0, 0.5])
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: y holds other values than whole numbers: code it as 0, 1, ...
    """
    unmasked(**{name: values})
    try:
        # a copy, for pandas' are read-only
        given = values if isinstance(values, Tensor) else np.array(plain(values))
        array = torch.as_tensor(given).detach()
    except (TypeError, ValueError):
        raise InputError(
            f"{name} holds text or objects: code it as 0, 1, ..., such as by "
            f"numpy.unique({name}, return_inverse=True)[1]"
        ) from None
    if array.ndim != 1 or not len(array):
        raise InputError(f"{name} has shape {tuple(array.shape)}: need (n,) with n at least 1")
    if array.is_complex() or (array.is_floating_point() and not (array % 1 == 0).all()):
        raise InputError(f"{name} holds other values than whole numbers: code it as 0, 1, ...")
    return array.long()


def check_images(images: Any, channels: int | None = None) -> Tensor:
    """Return images as a tensor, uint8 or floating point in [0, 1], or raise ``InputError``.

    Parameters
    ----------
    images : array-like, shape (n, c, h, w)
    channels : int, optional
        How many there must be; default any number.

    Returns
    -------
    tensor, shape (n, c, h, w)
        The images as they are, on their device.

    Raises
    ------
    fairtut.errors.InputError
        For another shape, no images, another type, NaN, infinity, masked pixels, or floating-point
        pixels outside [0, 1].

    Examples
    --------
    >>> from fairtut.methods.inputs import check_images
    >>> import numpy as np
    >>> check_images(np.zeros((2, 3, 8, 8), np.uint8), channels=3).shape
    torch.Size([2, 3, 8, 8])
    >>> check_images(np.full((2, 3, 8, 8), 255.0))
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: pixels lie in [255, 255]: scale them to [0, 1]; normalisation belongs
    inside the model
    """
    unmasked(images=images)
    x = torch.as_tensor(images)
    if x.ndim != 4 or not len(x) or channels not in (None, x.shape[1]):
        need = f"(n, {channels or 'c'}, h, w)"
        raise InputError(f"images have shape {tuple(x.shape)}: need {need} with n at least 1")
    if x.dtype == torch.uint8:
        return x
    if not x.is_floating_point():
        raise InputError(f"images are {x.dtype}: pass uint8, or floating point in [0, 1]")
    if not torch.isfinite(x).all():
        raise InputError("images hold NaN or infinity: drop or repair them")
    if x.min() < 0 or x.max() > 1:
        raise InputError(
            f"pixels lie in [{float(x.min()):.3g}, {float(x.max()):.3g}]: scale them to [0, 1]; "
            "normalisation belongs inside the model"
        )
    return x
