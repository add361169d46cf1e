"""Images with their attributes and their split: what every image experiment starts from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from fairtut.data.columns import spelled_once
from fairtut.errors import InputError, UnknownName
from fairtut.foreign import as_pandas

if TYPE_CHECKING:
    import pandas as pd

SPLITS: Final = ("train", "val", "test")
"""The names that ``ImageSet.split`` may hold."""


def pixels(x: torch.Tensor) -> torch.Tensor:
    """Return a uint8 batch as float32 in [0, 1], on the same device and of the same shape.

    Parameters
    ----------
    x : Tensor of uint8, any shape

    Returns
    -------
    Tensor of float32, the same shape
        ``x / 255``.

    Raises
    ------
    fairtut.errors.InputError
        If ``x`` is not uint8.

    Examples
    --------
    >>> import torch
    >>> from fairtut.data.images import pixels
    >>> pixels(torch.tensor([0, 255], dtype=torch.uint8)).tolist()
    [0.0, 1.0]
    >>> pixels(torch.tensor([0.0, 0.5]))
    Traceback (most recent call last):
        ...
    fairtut.errors.InputError: pixels of torch.float32: give uint8 in 0..255, or leave floats as
    they are
    """
    if x.dtype != torch.uint8:
        raise InputError(f"pixels of {x.dtype}: give uint8 in 0..255, or leave floats as they are")
    # on the CPU a tensor of one number divides twice as fast as a Python number, to the same bits
    return x.to(torch.float32).div_(torch.tensor(255.0, device="cpu"))


def as_pixels(x: torch.Tensor) -> torch.Tensor:
    """Return uint8 or floating-point images in single precision, in [0, 1].

    Parameters
    ----------
    x : Tensor of uint8 in 0..255, or of floats in [0, 1], any shape
        Floats are not scaled.

    Returns
    -------
    Tensor of float32, the same shape

    Raises
    ------
    fairtut.errors.InputError
        If ``x`` holds integers of another kind.

    Examples
    --------
    >>> import torch
    >>> from fairtut.data.images import as_pixels
    >>> as_pixels(torch.tensor([0, 255], dtype=torch.uint8)).tolist()
    [0.0, 1.0]
    >>> as_pixels(torch.tensor([0.0, 0.5], dtype=torch.float64)).tolist()
    [0.0, 0.5]
    """
    return x.float() if x.is_floating_point() else pixels(x)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images, what is known about each, and where all of it came from.

    Attributes
    ----------
    x : Tensor of uint8, shape (n, 3, h, w)
        RGB images on any device.  May be a view of a file or of another set: do not write to it.
    attributes : DataFrame, n rows
        Boolean columns by attribute name; integers and categories where a set has them.
    split : ndarray of str, shape (n,)
        ``"train"``, ``"val"`` or ``"test"``.
    name : str
        The data set.
    source : str
        One line for captions and records: edition, size, licence.
    digest : str
        sha256 of pixels and labels (of a selection: of the parent's digest and the rows).
    absent : int
        Rows of the label file whose image is not there; they are not rows of this set.
    rows_dropped : tuple of (str, int)
        Every reason for which a row of the label file is not here, and how many.
    """

    x: torch.Tensor
    attributes: pd.DataFrame
    split: NDArray[np.str_]
    name: str
    source: str
    digest: str
    absent: int = 0
    rows_dropped: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if self.x.dtype != torch.uint8 or self.x.ndim != 4 or self.x.shape[1] != 3:
            raise InputError(
                f"{self.name}: x is {self.x.dtype} of shape {tuple(self.x.shape)}: give uint8 "
                "images of shape (n, 3, h, w)"
            )
        one: Any = getattr(self.attributes, "index", None)
        other: Any = getattr(self.split, "index", None)
        # a list has an index, too, but one that can be called
        if hasattr(one, "equals") and hasattr(other, "equals") and not one.equals(other):
            raise InputError(
                f"{self.name}: attributes and split have different indexes: align them, as in "
                "split.loc[attributes.index], or pass split.to_numpy() where rows already belong "
                "together"
            )
        table = as_pandas(f"{self.name}: attributes", self.attributes)
        object.__setattr__(self, "attributes", table)
        split = np.asarray(self.split, dtype=np.str_)
        if not len(self.attributes) == len(split) == len(self.x):
            raise InputError(
                f"{self.name}: {len(self.x)} images, {len(self.attributes)} rows of attributes and "
                f"{len(split)} of split must be equally many"
            )
        odd = sorted(set(np.unique(split).tolist()) - set(SPLITS))
        if odd:
            raise UnknownName.of("split", odd[0], SPLITS)
        object.__setattr__(self, "split", split)

    def __len__(self) -> int:
        return len(self.x)

    def select(self, rows: ArrayLike | torch.Tensor) -> ImageSet:
        """Return the set of the given rows, in their order.

        Parameters
        ----------
        rows : boolean mask, shape (n,), or integer indices
            Consecutive rows share the pixels' memory with this set.

        Raises
        ------
        fairtut.errors.InputError
            If a mask has another length or an index is out of range.
        """
        index = self._index(rows)
        run = len(index) > 0 and bool((np.diff(index) == 1).all())
        if run:
            x = self.x[int(index[0]) : int(index[-1]) + 1]
        else:
            x = self.x.index_select(0, torch.as_tensor(index, device=self.x.device))
        sha = hashlib.sha256(f"{self.digest} rows".encode() + index.astype("<i8").tobytes())
        return replace(
            self,
            x=x,
            attributes=self.attributes.iloc[index],
            split=self.split[index],
            digest=sha.hexdigest(),
        )

    def part(self, name: str) -> ImageSet:
        """Return one split: ``"train"``, ``"val"`` or ``"test"``.

        Raises
        ------
        fairtut.errors.UnknownName
            If no image is in a split of that name: gives those that exist.
        """
        mask = self.split == name
        if not mask.any():
            here = [known for known in SPLITS if (self.split == known).any()]
            raise UnknownName.of(f"split of {self.name}", name, here)
        return self.select(mask)

    def to(self, device: torch.device | str) -> ImageSet:
        """Return the set with its pixels on ``device``."""
        return replace(self, x=self.x.to(device))

    def labels(self, name: str) -> torch.Tensor:
        """Return a binary attribute.

        Parameters
        ----------
        name : str
            A 0/1 column of ``attributes``, or ``"column=value"`` for one value against the rest.

        Returns
        -------
        Tensor of int64, shape (n,)
            0 or 1, on the device of ``x``.

        Raises
        ------
        fairtut.errors.UnknownName
            If there is no such column or value.
        fairtut.errors.InputError
            If the column is not binary, holds a single class, has no value for some image, or
            spells one value in two ways.
        """
        values = self._binary(name)
        if len(np.unique(values)) < 2:
            which = f"{int(values[0])} for each" if len(values) else "empty: there is none"
            raise InputError(
                f"{self.name}: attribute {name!r} is {which} of the {len(self)} images: choose "
                "another attribute or more images"
            )
        return torch.as_tensor(values.astype(np.int64), device=self.x.device)

    def _index(self, rows: ArrayLike | torch.Tensor) -> NDArray[np.int64]:
        """Return row numbers, from a mask or from numbers that may count from the end."""
        given = np.asarray(rows.cpu() if isinstance(rows, torch.Tensor) else rows)
        if given.dtype == bool:
            if given.shape != (len(self),):
                raise InputError(f"{self.name}: the mask has shape {given.shape}, not {len(self)}")
            return np.flatnonzero(given)
        if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
            raise InputError(f"{self.name}: rows must be a mask or a list of whole numbers")
        index = given.astype(np.int64)
        if index.size and not (-len(self) <= index.min() and index.max() < len(self)):
            raise InputError(f"{self.name}: row {index.max()} of a set of {len(self)} images")
        return np.where(index < 0, index + len(self), index)

    def _no_gaps(self, column: str) -> None:
        """Raise if a column has no value for some image: nobody may be counted among the rest."""
        gaps = int(self.attributes[column].isna().sum())
        if gaps:
            raise InputError(
                f"{self.name}: attribute {column!r} has no value for {gaps} of {len(self)} images: "
                f"leave them out, images.select(images.attributes[{column!r}].notna())"
            )

    def _binary(self, name: str) -> NDArray[np.bool_]:
        frame = self.attributes
        if name in frame.columns:
            self._no_gaps(name)
            values = frame[name].to_numpy()
            if values.dtype != bool and not np.isin(values, (0, 1)).all():
                raise InputError(
                    f"{self.name}: attribute {name!r} is not 0/1: choose one value with "
                    f"'{name}=VALUE', such as '{name}={values[0]}'"
                )
            return values.astype(bool)
        ends = [place for place, letter in enumerate(name) if letter == "="]
        cuts = [(name[:end], name[end + 1 :]) for end in ends if name[:end] in frame.columns]
        if not cuts:
            raise UnknownName.of(f"attribute of {self.name}", name, frame.columns)
        column, value = cuts[-1]  # "x=y=1" asks for "x=y" where there is such a column
        self._no_gaps(column)
        spelled_once(frame[column].unique().tolist(), column, self.name)
        texts = frame[column].astype(str).to_numpy()
        if value not in texts:
            raise UnknownName.of(f"value of {column}", value, np.unique(texts).tolist())
        return np.asarray(texts == value)


def digest_of(x: Any, attributes: pd.DataFrame, split: ArrayLike) -> str:
    """Return the sha256 of pixels, attributes and split.

    Parameters
    ----------
    x : Tensor or ndarray of uint8, shape (n, 3, h, w)
        The images.
    attributes : DataFrame, n rows
        What :class:`ImageSet` holds.
    split : array_like of str, shape (n,)
        What :class:`ImageSet` holds.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    One pixel that differs by one grey level makes another digest:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from fairtut.data.images import digest_of
    >>> x, attributes = np.zeros((2, 3, 8, 8), np.uint8), pd.DataFrame({"Male": [True, False]})
    >>> first = digest_of(x, attributes, ["train", "test"])
    >>> x[0, 0, 0, 0] = 1
    >>> len(first), digest_of(x, attributes, ["train", "test"]) == first
    (64, False)
    """
    array = x.cpu().numpy() if isinstance(x, torch.Tensor) else x
    sha = hashlib.sha256(f"{tuple(array.shape)}".encode())
    for start in range(0, len(array), 1024):  # blocks: the array may be a file larger than memory
        sha.update(np.ascontiguousarray(array[start : start + 1024]).data)
    for name in attributes.columns:
        values = attributes[name].to_numpy()
        plain = values.astype("<i8") if values.dtype.kind in "biu" else values.astype(str)
        sha.update(f"|{name}|".encode())
        sha.update(plain.tobytes() if plain.dtype.kind == "i" else "\n".join(plain).encode())
    sha.update("\n".join(np.asarray(split, dtype=np.str_).tolist()).encode())
    return sha.hexdigest()
