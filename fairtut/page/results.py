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
    """
    here = (record.chapter, record.data)
    others = [r for r in load_records() if (r.chapter, r.data) != here]
    smoke = record.preset if record.preset == "smoke" else None
    # all of them: among a paper's directions the share of false discoveries is held
    found = judge(load_claims(record.chapter), [record, *others], preset=smoke)
    return [v for v in found if v.id.startswith(starts or "") and v.id.endswith(suffix)]
