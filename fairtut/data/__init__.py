"""Data floor: where files come from, tables, poisoning, crowds and synthetic sets.

:mod:`fairtut.data.registry` says what every data set is, who may use it and which bytes are meant;
:mod:`fairtut.data.files` finds, downloads and verifies those bytes (by way of ``local``,
``fetch``, ``download`` and ``archives``); :mod:`fairtut.data.tabular` turns them into a
:class:`~fairtut.data.tabular.Table` (by way of ``adult``, ``compas``, ``south_german`` and
``frames``); :mod:`fairtut.data.repeats` splits one repeatedly.
Nothing here ever replaces a real data set by a synthetic one.
"""
