"""Claims, records and the verdicts that follow from them, under one name.

This is the page's door to :mod:`fairtut.evidence`, where all of them stand.

>>> from fairtut.page import results
>>> verdicts = results.judge(results.load_claims(), results.load_records())
"""

from __future__ import annotations

from fairtut.evidence.claims import Claim, Message, Paper, load_claims, load_messages, papers
from fairtut.evidence.messages import Headline, judge_messages
from fairtut.evidence.records import Measurement, Record, committed, load_record, load_records
from fairtut.evidence.verdicts import ANSWERS, HOLDS, VERDICTS, Verdict, judge

__all__ = [
    "ANSWERS",
    "HOLDS",
    "VERDICTS",
    "Claim",
    "Headline",
    "Measurement",
    "Message",
    "Paper",
    "Record",
    "Verdict",
    "committed",
    "judge",
    "judge_messages",
    "load_claims",
    "load_messages",
    "load_record",
    "load_records",
    "of_chapter",
    "papers",
]


def of_chapter(record: Record, *starts: str, suffix: str = "") -> list[Verdict]:
    """Judge claims of a chapter on the run at hand and the committed records.

    Parameters
    ----------
    record : Record
        Of this run; it takes the place of the committed one on the same data.
    *starts : str
        The claims whose id starts with one of these; default all.
    suffix : str
        And ends so.

    Returns
    -------
    list of Verdict
        In the order of the claims.  A ``smoke`` run is judged on smoke records only, to see that
        it can be judged; its verdicts mean nothing.

    Raises
    ------
    fairtut.errors.UnknownName
        If the record's chapter is no paper's.

    Examples
    --------
    A paper claims a gain in two tables, and this run measured one of them; claims and records of
    the book are left out:

    >>> from unittest.mock import patch
    >>> from fairtut.page.results import Claim, Record, of_chapter
    >>> def claim(name):
    ...     return Claim("toy", "toy", name, "T", "It helps.", "direction", "accuracy", "fraction",
    ...                  direction="positive", effect=1.0, measure=(name,))
    >>> run = Record("toy", "laptop", "synthetic")
    >>> _ = run.measure("table1.gain", [0.1, 0.1], n=100, unit="fraction")
    >>> claims = [claim("table1.gain"), claim("table2.gain")]
    >>> with patch.multiple("fairtut.page.results", load_claims=lambda chapter: claims,
    ...                     load_records=list):
    ...     [(v.id, v.verdict) for v in of_chapter(run)], len(of_chapter(run, "table2"))
    ([('table1.gain', 'trend reproduced'), ('table2.gain', 'not tested')], 1)
    """
    here = (record.chapter, record.data)
    others = [r for r in load_records() if (r.chapter, r.data) != here]
    smoke = record.preset if record.preset == "smoke" else None
    # all of them: among a paper's directions the share of false discoveries is held
    found = judge(load_claims(record.chapter), [record, *others], preset=smoke)
    return [v for v in found if v.id.startswith(starts or "") and v.id.endswith(suffix)]
