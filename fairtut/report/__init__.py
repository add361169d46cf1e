"""A paper's reproducibility report, and its claims as a sheet that its authors can check and sign.

Both are Markdown.  What claims, verdicts and records know is filled in; the chapter's own words are
taken from its notebook; what only a person can say is a marked blank.  Text from files is escaped:
it stands there as it was written, and no reader's program runs it.
"""

from fairtut.report.sheet import sheet
from fairtut.report.whole import report

__all__ = ["report", "sheet"]
