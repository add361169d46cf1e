"""Data cards that code can read: a data set, its files, and other contents that are accepted.

Digests are sha256 of the *uncompressed* file, so that ``x.csv`` and ``x.csv.gz`` are the same
file.  :mod:`fairtut.data.registry` holds the cards of the suite.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """Other bytes that are accepted in the place of an official file.

    Attributes
    ----------
    label : str
        What is different, in words that a figure's caption can carry.
    files : tuple of (str, str)
        Path below the data set's folder, and sha256 of the uncompressed content.  All of them must
        be there.

    Examples
    --------
    The archive is not there, and its small variant stands for it:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from fairtut.data.cards import File, Variant
    >>> from fairtut.data.local import find
    >>> file = File("all.zip", variants=(Variant("64 pixels", (("small.zip", "<its sha256>"),)),))
    >>> with tempfile.TemporaryDirectory() as here:
    ...     Path(here, "small.zip").touch()
    ...     [path.name for path in find(Path(here), file).paths]
    ['small.zip']
    """

    label: str
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class File:
    """One file of a data set.

    Attributes
    ----------
    path : str
        Path below ``$FAIRTUT_DATA/<name>/``; the same path with ``.gz`` added is accepted too.
    url : str or None
        Official address; None where the file has to be placed by hand.
    member : str or None
        Name inside the zip archive at ``url``; None where ``url`` is the file itself.
    sha256 : str or None
        Digest of the uncompressed official file; None where no official digest is known.
    size : int or None
        Bytes of the uncompressed official file.
    rows : int or None
        Data rows that the official file holds.
    variants : tuple of Variant
        Other accepted contents.

    Examples
    --------
    The digest is that of the content, so a packed copy is official too:

    >>> import gzip, hashlib, os, tempfile
    >>> from pathlib import Path
    >>> from unittest import mock
    >>> from fairtut.data.cards import File
    >>> from fairtut.data.local import edition, find
    >>> from fairtut.data.registry import dataset
    >>> file = File("t.csv", sha256=hashlib.sha256(b"x,y").hexdigest(), size=3)
    >>> strict = mock.patch.dict(os.environ, FAIRTUT_VERIFY="on")
    >>> with tempfile.TemporaryDirectory() as here, strict:
    ...     size = Path(here, "t.csv.gz").write_bytes(gzip.compress(b"x,y"))
    ...     edition(dataset("adult"), find(Path(here), file))
    'official'
    """

    path: str
    url: str | None = None
    member: str | None = None
    sha256: str | None = None
    size: int | None = None
    rows: int | None = None
    variants: tuple[Variant, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A data set: what it is, who may use it, and which files it needs.

    Attributes
    ----------
    name, title : str
        Short name (``fairtut data get NAME``) and full name.
    licence, terms : str
        The licence, and one plain sentence: who may use the data, and what may not be done.
    homepage : str
        The official source.
    citation : str
        Key in the book's ``references.bib``.
    files : tuple of File
        What must be there; empty where the set is generated.
    folders : tuple of str
        Folder names that are accepted besides ``name``.
    source : {"http", "torchvision", "hand", "embedded"}
        How :func:`fairtut.data.files.get` obtains it.
    note : str
        Why a person has to do something by hand, and what.

    Examples
    --------
    >>> from fairtut.data.registry import dataset
    >>> card = dataset("adult")
    >>> {file.path: file.rows for file in card.files}
    {'adult.data': 32561, 'adult.test': 16281}
    >>> dataset("zafar").files  # generated: there is nothing to fetch
    ()
    """

    name: str
    title: str
    licence: str
    terms: str
    homepage: str
    citation: str
    files: tuple[File, ...] = ()
    folders: tuple[str, ...] = ()
    source: str = "http"
    note: str = ""
