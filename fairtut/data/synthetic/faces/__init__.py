"""Synthetic faces: painted people whose labels follow CelebA's joint law.

``law`` holds how often attributes occur together and the dial that changes it, ``factors`` draws
people, ``head`` and ``features`` paint them on a ``canvas``, ``picture`` puts the layers in order,
and ``people`` offers :func:`sample`, :func:`counterfactual` and :func:`sweep`;
:func:`region` (``regions``) says which pixels a factor may change.  No photograph and
no person stands behind any of them.
"""

from fairtut.data.synthetic.faces.factors import AGE_GROUPS, FACTORS, TONE_GROUPS
from fairtut.data.synthetic.faces.law import ATTRIBUTES, Dial, Law
from fairtut.data.synthetic.faces.people import Faces, counterfactual, sample, sweep
from fairtut.data.synthetic.faces.picture import render
from fairtut.data.synthetic.faces.regions import region

__all__ = [
    "AGE_GROUPS",
    "ATTRIBUTES",
    "FACTORS",
    "TONE_GROUPS",
    "Dial",
    "Faces",
    "Law",
    "counterfactual",
    "region",
    "render",
    "sample",
    "sweep",
]
