"""Decoded images on disk: decode once, load in a moment ever after.

One folder per set of decoded images, named after a digest of everything that it depends on, the
code included, holds ``pixels.npy`` and, written last, ``labels``.  Both appear whole or not at
all, so a run that is killed leaves nothing that a later one would trust.  Every load reads every
byte and compares digests: the digest of a set is always that of the pixels and labels in hand.
What is damaged is decoded again, with a warning.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.lib.format import open_memmap

from fairtut.data.fetch import lock
from fairtut.data.images import stored
from fairtut.data.images.decode import check_size, decode_into
from fairtut.data.images.imageset import ImageSet, digest_of
from fairtut.data.images.labels import Labels, spread
from fairtut.data.images.once import said_once
from fairtut.data.images.sources import Entry, Source, opened_source
from fairtut.data.images.stored import LABELS, PIXELS
from fairtut.errors import CorruptFile, InputError, MissingData
from fairtut.runtime import cache, code
from fairtut.runtime.device import pick_device
from fairtut.runtime.io import atomic_path

ABSENT: Final = "image is not there"
UNDECODABLE: Final = "image cannot be decoded"
"""Reasons in ``ImageSet.rows_dropped``."""


@dataclass(frozen=True)
class Origin:
    """Which files a set of images comes from.

    Attributes
    ----------
    name, source : str
        Of the set, as in :class:`ImageSet`.
    identity : tuple of str
        What changes whenever a file changes: digests, or sizes and times.
    images : tuple of Path
        A folder, or one or more archives.
    confirm : callable
        Called before a byte of the files is used; raises if they are not those of ``identity``.
    """

    name: str
    source: str
    identity: tuple[str, ...]
    images: tuple[Path, ...]
    confirm: Callable[[], None] = lambda: None

    def saying(self, more: str) -> Origin:
        """Return the origin with more in its line for captions."""
        return replace(self, source=f"{self.source}, {more}")


@dataclass(frozen=True)
class Wanted:
    """How images are wanted.

    Attributes
    ----------
    size : int
        Pixels of a side.
    resize : {"crop", "plain"}
        As in :func:`fairtut.data.images.decode.decode`.
    limit : int or None
        Most images, chosen at random with each split's share kept; None for all.
    options : dict
        What else changes the labels or the split.
    """

    size: int = 64
    resize: str = "crop"
    limit: int | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_size(self.size, self.resize)
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit={self.limit!r}: give at least 1, or None for all images")


def cache_root() -> Path:
    """Return the folder of decoded images, in :func:`fairtut.runtime.cache.cache_folder`."""
    return cache.cache_folder() / "images"


def assemble(
    origin: Origin,
    read_labels: Callable[[], Labels],
    wanted: Wanted,
    device: str | torch.device = "cpu",
    skip_corrupt: bool = False,
) -> ImageSet:
    """Load images from the cache, or decode them into it first.

    Parameters
    ----------
    origin, wanted : Origin, Wanted
        What to load; together they are the cache's key.
    read_labels : callable
        Reads the label files; called only if the cache does not hold this set.
    device : str or torch.device
        Where the pixels go; ``"auto"`` chooses.
    skip_corrupt : bool
        Whether images that cannot be decoded are left out and counted instead of refused.

    Raises
    ------
    fairtut.errors.CorruptFile
        If an image cannot be decoded: names it.
    fairtut.errors.MissingData
        If none of the images is there, or the cache cannot be written.
    fairtut.errors.InputError
        If there is no such device here.
    """
    chosen = pick_device(str(device))
    made_with = _made_with(read_labels)
    key = json.dumps([made_with, origin.name, origin.identity, asdict(wanted)], sort_keys=True)
    plain = re.sub(r"[^\w.-]+", "-", origin.name)
    short = hashlib.sha256(key.encode()).hexdigest()[:16]
    folder = cache_root() / f"{plain}-{wanted.size}px-{short}"
    images = _stored(folder, origin, key)
    if images is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with lock(folder):
                images = _stored(folder, origin, key)  # another process may have been faster
                if images is None:
                    origin.confirm()
                    _build(folder, origin, read_labels, wanted, skip_corrupt, (key, made_with))
                    images = _stored(folder, origin, key)
        except OSError as error:
            if isinstance(error, MissingData):
                raise
            raise MissingData(
                f"cannot keep decoded images in {folder} ({error.strerror or error}): set "
                "FAIRTUT_CACHE to a folder with room that you may write to"
            ) from error
    if images is None:
        raise CorruptFile(f"{folder} cannot be read back as it was written: check the disk")
    corrupt = dict(images.rows_dropped).get(UNDECODABLE, 0)
    if corrupt and not skip_corrupt:
        raise CorruptFile(
            f"{origin.name}: {corrupt} images cannot be decoded: fetch them again, or leave them "
            "out by skip_corrupt=True"
        )
    return images if chosen.type == "cpu" else images.to(chosen)


def _made_with(read_labels: Callable[[], Labels]) -> dict[str, str]:
    """Return which code and which decoder make pixels and labels here, for the key and the seal."""
    from PIL import __version__, features

    return {
        "function": code.name(read_labels),
        "code": code.digest(read_labels),
        "decoder": code.digest(__name__),  # the labels may be read by code of a reader's own
        "pillow": __version__,
        "jpeg": str(features.version("libjpeg_turbo") or features.version("jpg")),
    }


def _build(
    folder: Path,
    origin: Origin,
    read_labels: Callable[[], Labels],
    wanted: Wanted,
    skip_corrupt: bool,
    mark: tuple[str, dict[str, str]],
) -> None:
    """Decode the images of the labels and store both, marked by the key and what made them."""
    for stale in (*folder.glob(".*.tmp"), folder / LABELS):  # killed or damaged; the lock is ours
        stale.unlink(missing_ok=True)
    labels = read_labels()
    with opened_source(origin.images) as source:
        found = source.resolve(labels.files)
        here = np.array([row for row, entry in enumerate(found) if entry is not None], dtype=int)
        near = _near(source, labels.files, found)
        if len(here) == 0:
            raise MissingData(
                f"{origin.name}: none of the {len(found)} images that the labels name, such as "
                f"{labels.files[0]}, is in {source.title}{near}"
            )
        if near:
            lacking = len(found) - len(here)
            warnings.warn(f"{origin.name}: {lacking} images are not there{near}", stacklevel=3)
        said_once(source, found, labels, origin.name)
        absent = len(found) - len(here)
        labels = labels.take(here)
        entries = [entry for entry in found if entry is not None]
        if wanted.limit is not None and wanted.limit < len(entries):
            rows = spread(labels.split, wanted.limit)
            labels, entries = labels.take(rows), [entries[row] for row in rows]
        source.prepare(entries, folder)
        kept = _decode(folder / PIXELS, source, entries, wanted, skip_corrupt)
    dropped = (*labels.dropped, (ABSENT, absent), (UNDECODABLE, len(entries) - len(kept)))
    labels = replace(labels.take(kept), dropped=tuple(pair for pair in dropped if pair[1]))
    try:
        pixels = np.load(folder / PIXELS, mmap_mode="r")
        digest = digest_of(pixels, labels.attributes, labels.split)
        facts = {"digest": digest, "absent": absent, "size": wanted.size, "key": mark[0]}
        stored.store_labels(folder / LABELS, labels, facts, mark[1])
    except BaseException:
        (folder / PIXELS).unlink(missing_ok=True)  # nobody would look for it again
        raise


def _near(source: Source, files: list[str], found: list[Entry | None]) -> str:
    """Say which image is there in other capitals than the labels write; empty if none is."""
    lacking = [name for name, entry in zip(files, found, strict=True) if entry is None]
    pair = source.near(lacking) if lacking else None
    return f" ({pair[1]} is: write it so in the labels, not {pair[0]})" if pair else ""


def _decode(
    target: Path, source: Source, entries: list[Entry], wanted: Wanted, skip_corrupt: bool
) -> np.ndarray:
    """Decode into a file; returns the rows of ``entries`` that could be decoded."""
    rows = np.arange(len(entries))
    while True:
        shape = (len(rows), 3, wanted.size, wanted.size)
        need, room = int(np.prod(shape)), shutil.disk_usage(target.parent).free
        if need > room:  # writing to a mapped file on a full disk would kill the process
            raise OSError(f"{need >> 20} MiB are needed and {room >> 20} MiB are free")
        with atomic_path(target) as temporary:
            out = open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
            stored.reserve(temporary, need)
            chosen = [entries[row] for row in rows]
            bad = decode_into(out, source, chosen, wanted.resize, skip_corrupt)
            if not bad:
                out.flush()
                return rows
            del out
            if len(bad) == len(rows):
                raise CorruptFile(bad[0][1])
            # rare: once more without the bad ones, so that rows follow each other in the file
            rows = np.delete(rows, [row for row, _ in bad])


def _stored(folder: Path, origin: Origin, key: str) -> ImageSet | None:
    """Return what the folder holds, None if there is nothing; warns of what is damaged."""
    try:
        labels, facts = stored.read_labels(folder / LABELS)
        if facts["key"] != key:
            raise CorruptFile(f"{folder / LABELS} belongs to another set")
        pixels = stored.mapped(folder / PIXELS, len(labels.files), facts["size"])
        found = digest_of(pixels, labels.attributes, labels.split)
        if found != facts["digest"]:
            raise CorruptFile(f"{folder / PIXELS} is damaged (its digest differs)")
    except FileNotFoundError:
        return None
    except (OSError, CorruptFile) as error:
        reason = str(error).removesuffix(": delete it")
        warnings.warn(f"{reason}: the images are decoded again", stacklevel=3)
        return None
    return ImageSet(
        x=torch.from_numpy(pixels),
        attributes=labels.attributes,
        split=labels.split,
        name=origin.name,
        source=origin.source,
        digest=found,
        absent=facts["absent"],
        rows_dropped=labels.dropped,
    )
