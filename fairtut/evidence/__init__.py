"""What was measured and what follows from it: measurements, records, claims and the judge.

:mod:`~fairtut.evidence.measurements` holds one measured quantity,
:mod:`~fairtut.evidence.recording` collects what a run measures, as far as a claim names it or
somebody reads it, and :mod:`~fairtut.evidence.records` reads it back;
:mod:`~fairtut.evidence.claims` reads what a paper says, and :mod:`~fairtut.evidence.verdicts`
judges the claims on the records, of which some grow at planned looks
(:mod:`~fairtut.evidence.looks`).  Everything that measures stands above this floor and everything
that shows stands above that.  A chapter's presets are looked up by the chapter's name, in a record
that needs them (:func:`fairtut.evidence.standing.fault`).
"""
