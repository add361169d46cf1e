"""Claims, records and the verdicts that follow from them, under one name.

>>> from fairtut.report import results
>>> verdicts = results.judge(results.load_claims(), results.load_records())
"""

from fairtut.report.claims import Claim, Paper, load_claims, papers
from fairtut.report.records import Measurement, Record, load_record, load_records
from fairtut.report.verdicts import VERDICTS, Verdict, judge

__all__ = [
    "VERDICTS",
    "Claim",
    "Measurement",
    "Paper",
    "Record",
    "Verdict",
    "judge",
    "load_claims",
    "load_record",
    "load_records",
    "papers",
]
