"""Every reference of a docstring or a page leads somewhere; the build of the book says so, too."""

from __future__ import annotations

import functools
import importlib
import inspect

import pytest
from sphinx.ext.napoleon import Config, NumpyDocstring

from tests.crossrefs import SETTINGS, Text, broken, docstrings, entries, ignored, pages, published

PLANTED = """Return what :func:`~fairtut.metrics.group_table` counts, see {role}.

    Parameters
    ----------
    table : {word}, optional
    n : int or None

    Raises
    ------
    {error}
        A column is missing.
"""


def planted(
    role: str = ":func:`metric`", word: str = "tensor, shape (n, K)", error: str = "KeyError"
) -> list[str]:
    text = inspect.cleandoc(PLANTED.format(role=role, word=word, error=error))
    return broken(Text("planted", text, "fairtut.metrics", "GroupTable"))


def test_every_reference_of_a_docstring_leads_somewhere():
    texts = list(docstrings())
    assert len(texts) > 1000
    assert {one.where: lost for one in texts if (lost := broken(one))} == {}


def test_every_reference_of_a_page_leads_somewhere():
    texts = list(pages())
    assert len(texts) > 100
    assert {one.where: lost for one in texts if (lost := broken(one, docstring=False))} == {}


@pytest.mark.parametrize(
    "role",
    [
        *(":class:`Nonsense`", ":class:`nonsense`", ":func:`nonsense`", ":data:`NONSENSE`"),
        *(":func:`fairtut.metrics.nonsense`", ":meth:`GroupTable.nonsense`", ":mod:`metrics`"),
        *(":attr:`nonsense`", ":func:`words <fairtut.metrics.nonsense>`", "{func}`nonsense`"),
        *(":mod:`fairtut.runtime.keep`", ":func:`~fairtut.metrics.parity.demographic_parity_gap`"),
    ],
)
def test_a_reference_to_nothing_is_seen(role):
    assert len(planted(role)) == 1


@pytest.mark.parametrize("word", ["Nonsense", "fairtut.nonsense", "fairtut.metrics.Nonsense"])
def test_a_type_that_is_nowhere_is_seen(word):
    assert planted(word=word) == [f"type {word}"]
    assert planted(error=f"fairtut.errors.InputError, {word}") == [f"type {word}"]


@pytest.mark.parametrize(
    "role",
    [
        *(":func:`fairtut.metrics.metric`", ":meth:`rate`", ":meth:`GroupTable.rate`"),
        *(":class:`GroupTable`", ":class:`~fairtut.metrics.group.GroupTable`", "{func}`metric`"),
        *(":func:`words <metric>`", ":mod:`fairtut.metrics.parity`", ":mod:`fairtut.page`"),
        *(":data:`fairtut.metrics.group.RATES`", ":func:`functools.partial`"),
    ],
)
def test_a_reference_to_what_stands_there_is_none(role):
    assert planted(role) == []


@pytest.mark.parametrize(
    "word", ["GroupTable", "fairtut.metrics.Value", "Tensor", "{0, 1}", "str to Estimate", "G"]
)
def test_a_word_in_the_place_of_a_type_is_none(word):
    assert planted(word=word) == []


def test_the_build_of_the_book_looks_for_all_that_is_ours():
    """What a configuration lets pass, a build passes: the names of the package are never that."""
    assert SETTINGS["nitpicky"] is True
    assert [name for name in published() if name.count(".") > 1 and ignored("py:class", name)] == []
    for role in ("func", "data", "meth", "mod", "attr", "exc"):
        for name in ("nonsense", "Nonsense", "NONSENSE", "Record.nonsense", "fairtut.nonsense"):
            assert not ignored(f"py:{role}", name)
    short = {name for kind, _, name in entries() if kind == "class"}
    assert [name for name in short if ignored("py:class", name)] == []


def test_no_sentence_about_a_property_is_read_as_its_type():
    """As happens to what stands before a colon in the first line."""
    torn = []
    for kind, module, name in entries():
        thing = getattr(importlib.import_module(module), name) if kind == "class" else None
        for key, value in vars(thing).items() if thing else ():
            if isinstance(value, property | functools.cached_property) and key[0] != "_":
                found = NumpyDocstring(value.__doc__ or "", Config(), what="property", name=key)
                torn += [f"{name}.{key}"] * any(":type:" in line for line in found.lines())
    assert torn == []
