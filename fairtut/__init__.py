"""fairtut: five papers on fair machine learning, rebuilt, audited and measured.

The package is the thin helper of the book of the same name: one module per paper under
:mod:`fairtut.methods`, and what the papers share under :mod:`fairtut.metrics`,
:mod:`fairtut.data`, :mod:`fairtut.models`, :mod:`fairtut.runtime`, :mod:`fairtut.evidence` and
:mod:`fairtut.page`.  Importing it loads nothing heavy.
"""

__version__ = "0.1.0"
