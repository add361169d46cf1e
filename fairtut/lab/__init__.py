"""The engine, written once: what every chapter's experiments run on, and what measures them.

:mod:`~fairtut.lab.grid` runs specs × seeds as cells and keeps them, and
:mod:`~fairtut.lab.keep` trains a network once.  :mod:`~fairtut.lab.board` holds what the methods
decided [method, setting, seed, person] about validation and test people and compares them;
:mod:`~fairtut.lab.plane` says what a family of settings is worth in the plane of accuracy and gap,
and :mod:`~fairtut.lab.envelope` what it is worth where everybody may toss coins;
:mod:`~fairtut.lab.choice` picks a setting on validation people; and
:mod:`~fairtut.lab.controls` and :mod:`~fairtut.lab.pairs` have what a method must beat: the mixing
line, the moved threshold and thresholds per group.  The constant classifier is
:meth:`fairtut.metrics.panels.Panel.constant`, and noise or an untrained method is a method of the
board like any other.  :mod:`~fairtut.lab.asked` asks the five questions and measures the answers.
:mod:`~fairtut.lab.mitigation` runs any method under one protocol, and :mod:`~fairtut.lab.contest`
puts several on one board.

Import from the modules: what is kept names the code behind it, and a cell of the grid must not hang
on the board.
"""
