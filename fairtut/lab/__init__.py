"""The engine, written once: what every chapter's experiments run on.

:mod:`~fairtut.lab.grid` runs specs × seeds as cells and keeps them, and
:mod:`~fairtut.lab.keep` trains a network once.
"""
