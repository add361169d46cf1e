"""Audit of any model's decisions: every definition with its interval, limits, and controls.

:mod:`~fairtut.audit.reading` reads a file of predictions; :mod:`~fairtut.audit.measured` counts the
people once for all definitions, in the same resamples; :mod:`~fairtut.audit.limits` says whether a
limit is kept; :mod:`~fairtut.audit.controls` what would have cost nothing; and
:mod:`~fairtut.audit.sheet` writes it all on one page.  The command is ``fairtut audit``.
"""

from fairtut.audit.limits import Judged, Limit
from fairtut.audit.measured import Audit, audit
from fairtut.audit.reading import Predictions, read
from fairtut.audit.sheet import sheet

__all__ = ["Audit", "Judged", "Limit", "Predictions", "audit", "read", "sheet"]
