"""Claims: what a paper says, written down with a tolerance before anything is run.

``fairtut/claims/<paper>.yaml`` has these keys (*required* first, the others with their default):

===================  ===============================================================================
``paper``            the paper's id, which is the file's name without ``.yaml``
``title``            its title
``authors``          one line, as the reader should see it
``venue``            where it appeared
``year``             when
``citation``         its key in ``book/references.bib``
``chapter``          the stem of its notebook, such as ``01_frtrain``
``claims``           a list of claims
``messages``         none; the paper's headlines, each with ``id``, ``says``, ``where`` and
                     ``children``, a list of patterns of the claims below it
``initialisations``  none; patterns of the claims whose seeds are initialisations on one trained
                     encoder: together they are one training
``apart``            none; patterns of the paper's claims that stand below no headline, such as a
                     cell of a table that tells nothing about one
``changes``          none yet; what was changed since, when and why: :mod:`fairtut.evidence.changes`
===================  ===============================================================================

and each claim has

===============  ===================================================================================
``id``           unique in the file, words joined by dots: ``table1.frtrain.poisoned.accuracy``
``where``        table, figure, theorem or slide, and the row
``says``         one plain sentence, in our words, of what the paper says
``kind``         ``exact`` | ``number`` | ``direction`` | ``bound`` | ``same``: the rule, as in
                 :mod:`fairtut.evidence.rules`
``metric``       what is measured, such as ``accuracy``
``unit``         ``fraction`` | ``points`` | ``nats`` | ``ratio`` | ``count`` | ``s``
``value``        the paper's number: required by ``exact`` and ``number``, optional (for the table
                 only) otherwise
``tolerance``    ``number``: required, in points; ``exact``: absolute, in the claim's unit, 1e-6
``wide``         ``number``: points; a prediction interval with a greater half-width agrees with
                 nothing: 3 tolerances
``runs``         ``number``: of how many runs the paper's number is the mean: 1
``direction``    ``direction`` and ``bound``: required, ``positive`` or ``negative``, the sign of
                 the measured number that supports the claim
``effect``       ``direction``: points of the smallest effect that matters: 1
``limit``        ``bound`` and ``same``: required, points that it may cost, or differ
``granted``      ``bound``: points of the limit that the measured number already contains: 0
``scaled``       true where our data or model are smaller than the paper's: false
``measure``      the measurement, or the list of measurements, that test it: the claim's ``id``
``shown``        not with ``exact`` and ``number``: the measurement that is comparable with
                 ``value`` and shown beside it, where the tested one is a difference
``rival``        none; measurements of the rivals' own gain: one that is never above 0 means that
                 the rival did not train, and the comparison is not tested
``works``        none; measurements of the method's own effect: where one's interval holds 0, what
                 follows from a method that works is not tested
``data``         the data it is tested on: ``synthetic`` (default) | ``real`` | ``any``
``source``       ``paper`` (default) | ``released code`` | ``replication`` | ``ours`` (a question
                 that the paper does not ask)
``untested``     why no measurement is expected; then the verdict is "not tested" with this reason
===============  ===================================================================================

One **point** is .01 of a fraction, ratio or nat, and one unit of points, counts and seconds
(:data:`fairtut.evidence.claim.POINT`).  Anything else in the file is an error that names the file,
the claim, the key and the fix.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from fairtut.errors import UnknownName
from fairtut.evidence.claim import ID, POINT, Claim, Message, Paper, chapter_id
from fairtut.evidence.reading import read_claims

CLAIMS_DIR: Final = Path(__file__).resolve().parents[1] / "claims"

__all__ = [
    "CLAIMS_DIR",
    "ID",
    "POINT",
    "Claim",
    "Message",
    "Paper",
    "chapter_id",
    "load_claims",
    "load_messages",
    "papers",
    "read_claims",
]


def papers(directory: str | os.PathLike[str] | None = None) -> dict[str, Paper]:
    """Return every paper that has a claims file, by id, in the order of their chapters.

    Parameters
    ----------
    directory : path-like, optional
        Where the files are; default the package's own.

    Raises
    ------
    fairtut.errors.RecordError
        If a file does not follow the schema.

    Examples
    --------
    >>> from fairtut.evidence.claims import papers
    >>> "faap" in papers()
    True
    """
    heads = [read_claims(path)[0] for path in _files(directory)]
    return {head.id: head for head in sorted(heads, key=lambda head: (head.chapter, head.id))}


def load_claims(
    paper: str | None = None, directory: str | os.PathLike[str] | None = None
) -> list[Claim]:
    """Return the claims of one paper, or of all papers in the order of their chapters.

    Parameters
    ----------
    paper : str, optional
        A paper's id.
    directory : path-like, optional
        Where the files are; default the package's own.

    Raises
    ------
    fairtut.errors.UnknownName
        If no file is about ``paper``.
    fairtut.errors.RecordError
        If a file does not follow the schema.

    Examples
    --------
    >>> from fairtut.evidence.claims import load_claims
    >>> claims = load_claims("faap")
    >>> claims[0].paper
    'faap'
    """
    files = _files(directory)
    known = [path.stem for path in files]
    if paper is not None:
        if paper not in known:
            raise UnknownName.of("paper", paper, known)
        return read_claims(files[known.index(paper)])[1]
    read = sorted((read_claims(path) for path in files), key=lambda r: (r[0].chapter, r[0].id))
    return [claim for _, claims in read for claim in claims]


def load_messages(
    paper: str | None = None, directory: str | os.PathLike[str] | None = None
) -> list[Message]:
    """Return the headline messages of one paper, or of all; arguments as :func:`load_claims`.

    Examples
    --------
    >>> from fairtut.evidence.claims import load_messages
    >>> len(load_messages("faap")) > 0
    True
    """
    heads = papers(directory)
    if paper is not None and paper not in heads:
        raise UnknownName.of("paper", paper, list(heads))
    return [m for head in heads.values() if paper in (None, head.id) for m in head.messages]


def _files(directory: str | os.PathLike[str] | None) -> list[Path]:
    return sorted(Path(directory or CLAIMS_DIR).glob("*.yaml"))
