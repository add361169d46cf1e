"""Image data: CelebA, LFW, FairFace, or a folder of your own, decoded once and cached.

:func:`load` and :func:`from_folder` return an :class:`ImageSet`.  On the way, ``official`` finds
and verifies the files, a module per data set reads its labels, ``sources`` reads image files
where they are, ``decode`` makes small images of them, and ``cache`` keeps those.  ``batches`` is
what training uses afterwards.
"""

from __future__ import annotations

from typing import Any, Final

from fairtut.data.images import celeba, fairface, lfw
from fairtut.data.images.batches import augment, batches
from fairtut.data.images.folder import from_folder
from fairtut.data.images.imageset import ImageSet, as_pixels, digest_of, pixels
from fairtut.data.images.labels import halves
from fairtut.errors import UnknownName

__all__ = [
    "LOADERS",
    "ImageSet",
    "as_pixels",
    "augment",
    "batches",
    "celeba",
    "digest_of",
    "fairface",
    "from_folder",
    "halves",
    "lfw",
    "load",
    "pixels",
]

LOADERS: Final = {"celeba": celeba.load, "lfw": lfw.load, "fairface": fairface.load}
"""Data set to the function that loads it."""


def load(name: str, size: int = 64, **options: Any) -> ImageSet:
    r"""Load a data set of images, decoding it into a cache the first time.

    Parameters
    ----------
    name : {"celeba", "lfw", "fairface"}
        Which one.
    size : int
        Pixels of a side, at least 8.
    **options
        ``device`` (``"cpu"``): where the pixels go.  ``limit`` (None): most images, chosen at
        random with each split's share kept.  ``skip_corrupt`` (False): leave out and count images
        that cannot be decoded.  ``resize`` (``"crop"``, or ``"plain"``): short side and centre
        crop, or both sides whatever the shape.  Further ones of a data set: see the
        ``load`` of its module.

    Returns
    -------
    ImageSet
        Images that the label files name but that are not there are counted in ``absent``.

    Raises
    ------
    fairtut.errors.UnknownName
        If there is no such data set or resize mode.
    fairtut.errors.InputError
        If ``size`` or ``limit`` is too small.
    fairtut.errors.MissingData
        If files are missing: says where to get them and where to put them.
    fairtut.errors.CorruptFile
        If a file is not the official one, or an image cannot be decoded: names it.
    fairtut.errors.DataError
        If a label file lacks a column or holds an odd value: names both.

    Examples
    --------
    Two pictures of your own, laid out like Labeled Faces in the Wild:

    >>> import os, tempfile
    >>> from pathlib import Path
    >>> from unittest import mock
    >>> from PIL import Image
    >>> from fairtut.data.images import load
    >>> rows = "file,person,gender,emotion\na.png,Ada,Female,happiness\nb.png,Bob,Male,\n"
    >>> with tempfile.TemporaryDirectory() as here:
    ...     folder = Path(here, "lfw", "lfw-deepfunneled")
    ...     folder.mkdir(parents=True)
    ...     size = Path(here, "lfw", "lfw_labels.csv").write_text(rows)
    ...     for name in ("a.png", "b.png"):
    ...         Image.new("RGB", (16, 16)).save(folder / name)
    ...     own = {"FAIRTUT_DATA": here, "FAIRTUT_CACHE": f"{here}/cache", "FAIRTUT_VERIFY": "off"}
    ...     with mock.patch.dict(os.environ, own):
    ...         images = load("lfw", size=8)
    >>> images.x.shape, images.attributes["Happy"].tolist(), images.rows_dropped
    (torch.Size([1, 3, 8, 8]), [True], (('no emotion label', 1),))
    """
    if name not in LOADERS:
        raise UnknownName.of("image data set", name, LOADERS)
    return LOADERS[name](size=size, **options)
