"""Draw a population of synthetic faces, and the same people with one factor changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from fairtut.data.images import ImageSet
from fairtut.data.images.imageset import digest_of
from fairtut.data.synthetic.faces.factors import changed, draw, true_labels
from fairtut.data.synthetic.faces.law import ATTRIBUTES, Dial, Law, load
from fairtut.data.synthetic.faces.picture import MIN_SIZE, render
from fairtut.errors import InputError
from fairtut.runtime.seeds import numpy_rng

NAME: Final = "faces"
PARTS: Final = ("train", "val", "test")
MAX_NUISANCE: Final = 1.5


@dataclass(frozen=True)
class Faces:
    """Synthetic people: their pictures, their labels as annotated and in truth, their factors.

    Attributes
    ----------
    images : ImageSet
        Pictures, labels as annotated (with label noise), and split.
    factors : DataFrame
        Every factor and nuisance; the picture is a function of its row.
    true : DataFrame
        Labels without noise, with ``tone_group`` (1..7) and ``age_group``.
    seed : int
        Root seed of the population.
    size : int
        Height and width of a picture in pixels.

    Examples
    --------
    Without label noise, the annotated labels are the true ones:

    >>> from fairtut.data.synthetic.faces import sample
    >>> faces = sample(3, seed=0, size=16, annotator_noise=0.0)
    >>> faces.images.x.shape, len(faces.select([0, 2]))
    (torch.Size([3, 3, 16, 16]), 2)
    >>> faces.images.attributes.equals(faces.true)
    True
    """

    images: ImageSet
    factors: pd.DataFrame
    true: pd.DataFrame
    seed: int
    size: int

    def __len__(self) -> int:
        return len(self.factors)

    def select(self, index: ArrayLike) -> Faces:
        """Return some of the people: a boolean mask or row numbers."""
        rows = np.asarray(index)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Faces(
            self.images.select(rows),
            self.factors.iloc[rows],
            self.true.iloc[rows],
            self.seed,
            self.size,
        )


def sample(
    n: int,
    seed: int = 0,
    size: int = 64,
    dial: Dial | Mapping[str, Any] | None = None,
    annotator_noise: float = 0.02,
    nuisance: float = 1.0,
    splits: tuple[float, float, float] = (0.7, 0.15, 0.15),
    *,
    device: torch.device | str = "cpu",
    chunk: int | None = None,
) -> Faces:
    """Draw people from CelebA's joint law and paint them.

    Parameters
    ----------
    n : int
        Number of people.
    seed : int
        Root seed; the same seed gives the same bytes, whatever ``chunk`` and the processor are.
    size : int
        Height and width in pixels, at least 16.
    dial : Dial or mapping, optional
        Sets P(target | sensitive) of the law; see :class:`Dial`.
    annotator_noise : float
        Probability in [0, 1/2) that an annotated label is the wrong one, each on its own.
    nuisance : float
        Factor in [0, 1.5] on pose, light, colours, sensor noise and quirks.
    splits : tuple of float
        Shares of training, validation and test part; they sum to 1.
    device : torch.device or str
        Where to paint and keep the pictures.  The bytes are promised for ``"cpu"``; another
        device may differ by a grey level here and there.
    chunk : int, optional
        Faces painted at a time.

    Returns
    -------
    Faces

    Raises
    ------
    fairtut.errors.InputError, fairtut.errors.UnknownName
        If an argument is out of range or the dial names an unknown attribute.

    Notes
    -----
    Tone and age groups carry no label noise.  Skin tone is uniform and independent of everything
    but ``Pale_Skin``: it is a painted colour, not race.

    Examples
    --------
    >>> from fairtut.data.synthetic.faces import sample
    >>> faces = sample(4, seed=0)
    >>> len(faces)
    4
    """
    _check(n, size, annotator_noise, nuisance, splits)
    law: Law = load() if dial is None else Dial.of(dial).turn(load())
    factors = draw(n, seed, law, nuisance)
    flips = numpy_rng(seed, "faces", "annotators").random((n, len(ATTRIBUTES))) < annotator_noise
    order = numpy_rng(seed, "faces", "split").permutation(n)
    ends = np.round(np.cumsum(splits) * n).astype(int)[:-1]
    split = np.asarray(PARTS)[np.searchsorted(ends, order, side="right")]
    source = f"generated: synthetic faces, n={n}, seed={seed}, nuisance={nuisance:g}"
    if dial is not None:
        d = Dial.of(dial)
        source += f", P({d.target}|{d.sensitive}=0,1)=({d.p[0]:g}, {d.p[1]:g})"
    return _paint(factors, flips, split, seed, size, source, device, chunk)


def counterfactual(
    faces: Faces, factor: str, value: float | NDArray[np.float64] | None = None
) -> Faces:
    """Return the same individuals with one factor changed and everything else equal.

    Nuisance, quirks, the draw of the sensor's noise and the annotators' slips stay, so a pair of
    pictures differs exactly by what is drawn of that factor.  ``Male`` changes jaw, neck and
    shoulders, thickness of the brows, lashes, lips and nose, stubble, and the length of the hair;
    make-up, lipstick and all other attributes keep their values.

    Parameters
    ----------
    faces : Faces
        The individuals.
    factor : str
        An attribute, ``"skin_tone"`` or ``"age"`` (``"Young"`` and ``"age"`` move together).
    value : float or ndarray, shape (n,), optional
        New strength in [0, 1], or years.  None mirrors it at the threshold: every label flips.

    Returns
    -------
    Faces
        Rows as in ``faces``; ``true`` and the annotated labels follow the new factor.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such factor.
    fairtut.errors.InputError
        If a value is out of range, or there is not one for each face.

    Examples
    --------
    >>> from fairtut.data.synthetic.faces import counterfactual, sample
    >>> faces = sample(2, seed=0, size=32)
    >>> other = counterfactual(faces, "Smiling")
    >>> bool((other.true["Smiling"] != faces.true["Smiling"]).all())  # everybody's label flips
    True
    >>> other.true.drop(columns="Smiling").equals(faces.true.drop(columns="Smiling"))
    True
    """
    names = list(ATTRIBUTES)
    flips = faces.images.attributes[names].to_numpy() != faces.true[names].to_numpy()
    factors = changed(faces.factors, factor, value)
    target = "mirrored" if value is None else "set"
    source = f"{faces.images.source}, {factor} {target}"
    split, device = faces.images.split, faces.images.x.device
    return _paint(factors, flips, split, faces.seed, faces.size, source, device)


def sweep(faces: Faces, factor: str, values: Iterable[float]) -> list[Faces]:
    """Return one :func:`counterfactual` per value: the same people along one factor.

    Parameters
    ----------
    faces : Faces
        The individuals.
    factor : str
        As in :func:`counterfactual`.
    values : iterable of float
        Strengths in [0, 1], or years.

    Returns
    -------
    list of Faces
        In the order of ``values``.

    Examples
    --------
    The same person as a child, an adult and an old one; up to 40 a person counts as young:

    >>> from fairtut.data.synthetic.faces import sample, sweep
    >>> ages = sweep(sample(1, seed=0, size=16), "age", [5, 30, 70])
    >>> [faces.true["age_group"].item() for faces in ages]
    ['3-9', '30-39', '70+']
    >>> [bool(faces.true["Young"].item()) for faces in ages]
    [True, True, False]
    """
    return [counterfactual(faces, factor, value) for value in values]


def _paint(
    factors: pd.DataFrame,
    flips: NDArray[np.bool_],
    split: NDArray,
    seed: int,
    size: int,
    source: str,
    device: torch.device | str,
    chunk: int | None = None,
) -> Faces:
    """Paint factors and put labels, pictures and split together."""
    true = true_labels(factors)
    annotated = true.copy()
    annotated[list(ATTRIBUTES)] = true[list(ATTRIBUTES)].to_numpy() ^ flips
    x = render(factors, size, device=device, chunk=chunk)
    digest = digest_of(x, annotated, split)
    return Faces(ImageSet(x, annotated, split, NAME, source, digest), factors, true, seed, size)


def _check(n: int, size: int, noise: float, nuisance: float, splits: tuple[float, ...]) -> None:
    """Complain about the arguments of :func:`sample` in one line."""
    if n < 1:
        raise InputError(f"n is {n}: draw at least one face")
    if size < MIN_SIZE:
        raise InputError(f"size is {size}: faces need at least {MIN_SIZE} pixels")
    if not 0 <= noise < 0.5:
        raise InputError(f"annotator_noise is {noise}: give a probability below 1/2")
    if not 0 <= nuisance <= MAX_NUISANCE:
        raise InputError(f"nuisance is {nuisance}: give a factor in [0, {MAX_NUISANCE}]")
    if len(splits) != 3 or min(splits) < 0 or abs(sum(splits) - 1) > 1e-9:
        raise InputError(f"splits are {splits}: give three shares that sum to 1")
