"""Labeled Faces in the Wild: gender and emotion of news photographs, split at random."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from fairtut.data.images.cache import Wanted, assemble
from fairtut.data.images.imageset import ImageSet
from fairtut.data.images.labels import (
    Labels,
    known_option,
    random_split,
    read_table,
    without_gaps,
)
from fairtut.data.images.official import gather
from fairtut.data.images.own import told
from fairtut.errors import DataError

TRAIN, VAL, ENOUGH = 6_000, 3_600, 12_000
"""Training and validation images as in FAAP; of fewer than ENOUGH, five and three tenths."""
COLUMNS: Final = ("file", "person", "gender", "emotion")
"""What the table of labels must have."""
GENDERS: Final = ("Female", "Male")
EMOTIONS: Final = (
    "anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise",
)  # fmt: skip
"""What the labels say."""
BY: Final = ("image", "person")
"""What the random split keeps together."""


def load(
    size: int = 64,
    device: str | torch.device = "cpu",
    limit: int | None = None,
    skip_corrupt: bool = False,
    resize: str = "crop",
    by: str = "image",
    seed: int = 0,
) -> ImageSet:
    """Load Labeled Faces in the Wild (deep funneled).

    Parameters
    ----------
    by : {"image", "person"}
        Whether the split is of images, as in FAAP, where a person can be in training and test, or
        of people.
    seed : int
        Draws the split; recorded in ``source``.

    Returns
    -------
    ImageSet
        Boolean columns ``Male`` and ``Happy`` (emotion is happiness: a stand-in for Smiling), and
        the categories ``emotion`` and ``person``.  Rows without gender or emotion are dropped and
        counted.

    Raises
    ------
    fairtut.errors.MissingData, fairtut.errors.CorruptFile, fairtut.errors.DataError
        As :func:`fairtut.data.images.load`.
    """
    known_option("way to split", by, BY)
    archive = "lfw-deepfunneled.tgz"
    located, origin = gather("lfw", archive, ("lfw-deepfunneled", "lfw_funneled"))
    (path,) = located.paths("lfw_labels.csv")
    wanted = Wanted(size, resize, limit, {"by": by, "seed": seed})
    origin = origin.saying(f"split at random by {by}, seed {seed}")
    return assemble(origin, lambda: read_labels(path, by, seed), wanted, device, skip_corrupt)


def read_labels(path: Path, by: str = "image", seed: int = 0) -> Labels:
    """Read the table of labels and draw the split.

    Raises
    ------
    fairtut.errors.DataError
        If a column is missing or there twice, an image or a person has no name, or a gender or an
        emotion is none of :data:`GENDERS` and :data:`EMOTIONS`.
    """
    import pandas as pd

    # as text: a person may be called Null, or a number
    frame = read_table(path, COLUMNS, dtype=str, keep_default_na=False)
    for name in ("file", "person"):
        without_gaps(frame[name].mask(frame[name].str.strip() == ""), path)
    no_gender, no_emotion = told(frame["gender"]).isna(), told(frame["emotion"]).isna()
    dropped = (
        ("no gender label", int(no_gender.sum())),
        ("no emotion label", int((no_emotion & ~no_gender).sum())),
    )
    frame = frame[~no_gender & ~no_emotion].reset_index(drop=True)
    if frame.empty:
        raise DataError(f"{path}: no row has both a gender and an emotion")
    for name, known in (("gender", GENDERS), ("emotion", EMOTIONS)):
        odd = sorted(set(frame[name]) - set(known))
        if odd:
            raise DataError(f"{path}: {name} {odd[0]!r} is none of {', '.join(known)}")
    attributes = pd.DataFrame(
        {
            "Male": frame["gender"] == "Male",
            "Happy": frame["emotion"] == "happiness",
            "emotion": frame["emotion"].astype("category"),
            "person": frame["person"].astype("category"),
        }
    )
    scale = min(1.0, len(frame) / ENOUGH)
    train, val = round(scale * TRAIN), round(scale * VAL)
    people = frame["person"].tolist() if by == "person" else None
    split = random_split(len(frame), train, val, seed, people)
    return Labels(frame["file"].astype(str).tolist(), attributes, split, dropped)
